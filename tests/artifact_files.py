"""Artifacts on disk with their manifest entries, for tests of converters and backends."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converters import Artifact, Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.bundle.manifest import ArtifactEntry, Tolerances
from edgedf.compact import Compacted, compact_ticket
from edgedf.ticket import Ticket
from tests.parity_samples import lively_ticket


@lru_cache(maxsize=8)
def sample(arch: str, size: int, sparsity: float = 0.9) -> tuple[Ticket, Compacted]:
    """A sparse ticket whose logits move by a few units between pictures, and its compacted network."""
    ticket = lively_ticket(arch, size=size, sparsity=sparsity)
    return ticket, compact_ticket(ticket)


# The ticket that the sample artifacts say they were made from.
SAMPLE_TICKET = "ab" * 32


@lru_cache(maxsize=32)
def artifact(
    target: str, arch: str, size: int, precision: str = "float32", ticket_sha256: str = SAMPLE_TICKET
) -> Artifact:
    """The sample's artifact; converting costs seconds, so it is made once per test run."""
    ticket, compacted = sample(arch, size)
    options = Options(precision=precision, metadata={"edgedf.ticket_sha256": ticket_sha256})
    return convert(target, compacted.module, ticket.contract, options)


def write_artifact(folder: Path, made: Artifact) -> ArtifactEntry:
    """Write the files below `folder`; the entry that a manifest would hold."""
    for name, data in made.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    tolerances = Tolerances(max_logit_error=1e-4, flips=0.0, auc_drop=0.0)
    return replace(artifact_entry(made), tolerances=tolerances)


def random_crops(count: int, size: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Crops (count, size, size, 3) uint8: noise, smooth ramps, black and white in turn."""
    generator = np.random.default_rng(seed)
    crops = generator.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    crops[1::4] = np.linspace(0, 255, size, dtype=np.uint8)[None, None, :, None]
    crops[2::4] = 0
    crops[3::4] = 255
    return crops
