"""One target of a build: convert the compacted network, then check the files in the target's own runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgedf.assembly.artifact import artifact_entry, on_disk
from edgedf.assembly.result import TargetResult
from edgedf.assembly.source import Source
from edgedf.assembly.stored import F32, stored_logits
from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import ArtifactEntry
from edgedf.parity.check import check_artifact
from edgedf.parity.diagnose import WrongInputs
from edgedf.parity.gate import Report
from edgedf.parity.reference import wrong_inputs
from edgedf.parity.values import Evaluation

if TYPE_CHECKING:
    from converters.base import Artifact
    from edgedf.compact import Compacted

NO_CONVERSION = (
    "no check of conversion: this format rounds between operations too, so the limit of max error holds alone"
)
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One target of a build: its files, its manifest entry with the measured parity, its row of the table."""

    artifact: Artifact
    entry: ArtifactEntry
    result: TargetResult


def make_part(
    source: Source,
    compacted: Compacted,
    target: str,
    precision: str,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    notify: Step,
) -> Part:
    """Convert to one target and check what came out, from its bytes on disk.

    Args:
        notify: called before the conversion and before the check.
    Raises ConvertError if the network cannot be expressed, FileError if the disk is full.
    """
    from converters import Options, convert

    notify(f"convert to {target}")
    contract = source.ticket.contract
    options = Options(precision=precision, metadata=_metadata(source))
    artifact = convert(target, compacted.module, contract, options)
    entry = artifact_entry(artifact)
    notify(f"check {target}")
    wrong = wrong_inputs(source.ticket.module())
    stored = stored_logits(compacted.graph, target, precision, goldens)
    report = check_files(artifact.files, entry, goldens, evaluation, wrong, source.sha256, stored)
    result = TargetResult(
        report=report,
        installed=sum(map(len, artifact.files.values())),
        zipped=len(zip_bytes(artifact.files)),
        notes=artifact.notes if stored is not None else (*artifact.notes, NO_CONVERSION),
    )
    return Part(artifact, replace(entry, parity=report.record()), result)


def check_files(
    files: Mapping[str, bytes],
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    wrong: WrongInputs | None = None,
    ticket_sha256: str | None = None,
    stored: F32 | None = None,
) -> Report:
    """`check_artifact` for an artifact that is still in memory. Raises FileError if the disk is full."""
    with on_disk(files) as folder:
        return check_artifact(
            folder, entry, goldens, evaluation, wrong=wrong, ticket_sha256=ticket_sha256, stored=stored
        )


def _metadata(source: Source) -> dict[str, str]:
    """Short texts that every artifact carries, so that a lone model file can be traced."""
    return {
        "edgedf.ticket_sha256": source.sha256,
        "edgedf.contract_sha256": source.ticket.contract.sha256,
        "edgedf.arch": source.ticket.arch,
    }
