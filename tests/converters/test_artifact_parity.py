"""Every architecture on every target: the artifact's own runtime gives what dense PyTorch gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from converters.rounded import rounded_graph
from edgedf.bundle.parity_record import CONVERSION_LIMIT
from edgedf.compact.module import GraphModule
from edgedf.parity.compare import logit_scale
from edgedf.parity.reference import dense_logits
from edgedf.runtime.backend import open_backend
from tests.artifact_files import artifact, random_crops, sample, write_artifact

TARGETS = ("executorch", "coreml", "tflite")
CASES = [("mesonet", 128), ("mesonet", 256), ("cnn5", 128), ("resnet18", 64)]


def _errors(folder: Path, target: str, arch: str, size: int, precision: str) -> float:
    """Largest |artifact - dense PyTorch| over the crops, divided by the gate's logit scale."""
    ticket, _ = sample(arch, size)
    crops = random_crops(8, size)
    with torch.no_grad():
        x_nchw = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
        expected = ticket.module()(x_nchw).numpy().reshape(-1)
    # Logits that hardly move would agree with those of a wrong artifact too.
    assert expected.std() > 0.1
    entry = write_artifact(folder, artifact(target, arch, size, precision))
    with open_backend(folder, entry) as backend:
        logits = backend.run(crops)
    assert logits.shape == (8,)
    assert logits.dtype == np.float32
    return float(np.abs(logits - expected).max() / logit_scale(expected))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("arch", "size"), CASES)
def test_float32_artifact_gives_dense_logits(tmp_path: Path, target: str, arch: str, size: int) -> None:
    assert _errors(tmp_path, target, arch, size, "float32") <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_resnet18_at_full_size_gives_dense_logits(tmp_path: Path, target: str) -> None:
    assert _errors(tmp_path, target, "resnet18", 224, "float32") <= 1e-4


@pytest.mark.parametrize("target", ["coreml", "tflite"])
@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("cnn5", 128)])
def test_float16_artifact_is_near_and_smaller(tmp_path: Path, target: str, arch: str, size: int) -> None:
    assert _errors(tmp_path, target, arch, size, "float16") <= 2e-2
    half = sum(map(len, artifact(target, arch, size, "float16").files.values()))
    full = sum(map(len, artifact(target, arch, size, "float32").files.values()))
    assert half < 0.95 * full


ROUNDED = [("tflite", "float16"), ("native", "float16"), ("native", "int8")]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "precision"), ROUNDED)
@pytest.mark.parametrize(("arch", "size"), CASES)
def test_rounded_artifact_computes_what_its_own_weights_say(
    tmp_path: Path, target: str, precision: str, arch: str, size: int
) -> None:
    """The gate of a build asks for this much: the rounded network is known, only arithmetic may differ."""
    _, compacted = sample(arch, size)
    rounded = rounded_graph(compacted.graph, target, precision)
    assert rounded is not None
    crops = random_crops(8, size)
    expected = dense_logits(GraphModule(rounded))(crops)
    entry = write_artifact(tmp_path, artifact(target, arch, size, precision))
    with open_backend(tmp_path, entry) as backend:
        logits = backend.run(crops)
    assert np.abs(logits - expected).max() / logit_scale(expected) <= CONVERSION_LIMIT / 4
    unrounded = dense_logits(compacted.module)(crops)
    assert np.abs(unrounded - expected).max() / logit_scale(expected) > CONVERSION_LIMIT


def test_what_core_ml_rounds_at_float16_is_not_known() -> None:
    _, compacted = sample("mesonet", 128)
    assert rounded_graph(compacted.graph, "coreml", "float16") is None
    assert rounded_graph(compacted.graph, "coreml", "float32") is compacted.graph


@pytest.mark.parametrize("target", TARGETS)
def test_names_layout_and_precision_are_stated(target: str) -> None:
    made = artifact(target, "mesonet", 128)
    nhwc = target == "tflite"
    assert (made.target, made.precision) == (target, "float32")
    assert made.input.name == "input"
    assert made.input.layout == ("NHWC" if nhwc else "NCHW")
    assert made.input.shape == ((1, 128, 128, 3) if nhwc else (1, 3, 128, 128))
    assert (made.output.name, made.output.shape, made.output.layout) == ("logit", (1, 1), "N1")
    assert made.tools
    assert all(name == made.path or name.startswith(f"{made.path}/") for name in made.files)


@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("cnn5", 128), ("resnet18", 64)])
def test_executorch_delegates_everything(arch: str, size: int) -> None:
    made = artifact("executorch", arch, size)
    assert made.notes == ("every operator is delegated to XNNPACK, in 1 subgraph",)
    assert b"XnnpackBackend" in made.files[made.path]
