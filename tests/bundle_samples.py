"""Small bundles made by rule, for tests of the format; their artifacts are bytes that no runtime takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgedf.bundle.golden import GoldenSet, golden_files
from edgedf.bundle.manifest import ArtifactEntry, Manifest, TensorSpec
from edgedf.bundle.parity_record import CHECKS, CONVERSION, ConversionRecord, ParityMetrics, ParityRecord
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.bundle.writer import file_entries
from edgedf.contract import Contract
from edgedf.parity.golden import make_goldens

PARITY = ParityRecord(
    outcome="pass",
    runtime="a runtime",
    checks=dict.fromkeys((*CHECKS, CONVERSION), "pass"),
    metrics=ParityMetrics(
        logit_scale=1.5,
        max_logit_error=2e-6,
        max_logit_error_absolute=3e-6,
        rms_logit_error=1e-6,
        rms_logit_error_absolute=1.5e-6,
        goldens=20,
        golden_flips=0,
        evaluation_crops=400,
        evaluation_flips=0,
        auc_change=-1.25e-5,
    ),
    conversion=ConversionRecord(measured=1e-6, allowed=2e-5),
)


def sample_goldens(size: int = 16) -> GoldenSet:
    """Goldens whose logits are a made-up function of the crops."""
    return make_goldens(
        Contract(size=size), [], lambda crops: crops.mean(axis=(1, 2, 3)).astype(np.float32) / 64 - 2
    )


def sample_bundle(size: int = 16, pictures: int | None = None) -> tuple[Manifest, dict[str, bytes]]:
    """A manifest with two artifacts, one of them a folder, and its files; all goldens, or the first few."""
    goldens = sample_goldens(size)
    few = replace(
        goldens,
        pictures=goldens.pictures[:pictures],
        crops_nhwc=goldens.crops_nhwc[:pictures],
        logits=goldens.logits[:pictures],
    )
    golden = golden_files(few)
    tflite = {"model.tflite": bytes(range(256)) * 3}
    coreml = {"model.mlpackage/Manifest.json": b"{}", "model.mlpackage/Data/weights/weight.bin": b"w" * 500}
    spec = TensorSpec(name="logit", shape=(1, 1), dtype="float32", layout="N1")
    entries = tuple(
        ArtifactEntry(
            target=target,
            precision="float32",
            path=path,
            files=file_entries(files),
            input=TensorSpec(name="input", shape=shape, dtype="float32", layout=layout),
            output=spec,
            tolerances=TOLERANCES["float32"],
            parity=PARITY,
            tools={"tool": "1.0"},
        )
        for target, path, files, shape, layout in (
            ("coreml", "model.mlpackage", coreml, (1, 3, size, size), "NCHW"),
            ("tflite", "model.tflite", tflite, (1, size, size, 3), "NHWC"),
        )
    )
    manifest = Manifest(
        name="sample",
        contract=Contract(size=size),
        arch="mesonet",
        arch_args={"size": size},
        ticket_sha256="ab" * 32,
        lineage={"seed": 1},
        golden=file_entries(golden),
        artifacts=entries,
    )
    return manifest, golden | tflite | coreml
