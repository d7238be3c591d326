"""One target of a build: convert the compacted network, then check the files in the target's own runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.assembly.result import TargetResult
from edgedf.assembly.source import Source
from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.bundle.writer import file_entries
from edgedf.os_errors import write_error
from edgedf.parity.check import check_artifact
from edgedf.parity.diagnose import WrongInputs
from edgedf.parity.gate import Report
from edgedf.parity.reference import wrong_inputs
from edgedf.parity.values import Evaluation

if TYPE_CHECKING:
    from converters.base import Artifact
    from edgedf.compact import Compacted

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
    entry = ArtifactEntry(
        target=target,
        precision=precision,
        path=artifact.path,
        files=file_entries(artifact.files),
        input=artifact.input,
        output=artifact.output,
        tolerances=TOLERANCES[precision],
        tools=dict(sorted(artifact.tools.items())),
    )
    notify(f"check {target}")
    wrong = wrong_inputs(source.ticket.module())
    report = check_files(artifact.files, entry, goldens, evaluation, wrong, source.sha256)
    result = TargetResult(
        report=report,
        installed=sum(map(len, artifact.files.values())),
        zipped=len(zip_bytes(artifact.files)),
        notes=artifact.notes,
    )
    return Part(artifact, replace(entry, parity=report.record()), result)


def check_files(
    files: Mapping[str, bytes],
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    wrong: WrongInputs | None = None,
    ticket_sha256: str | None = None,
) -> Report:
    """`check_artifact` for an artifact that is still in memory. Raises FileError if the disk is full."""
    with tempfile.TemporaryDirectory(prefix="edgedf-check-") as name:
        folder = Path(name)
        for path, data in files.items():
            try:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
            except OSError as error:
                raise write_error(folder / path, error) from error
        return check_artifact(folder, entry, goldens, evaluation, wrong=wrong, ticket_sha256=ticket_sha256)


def _metadata(source: Source) -> dict[str, str]:
    """Short texts that every artifact carries, so that a lone model file can be traced."""
    return {
        "edgedf.ticket_sha256": source.sha256,
        "edgedf.contract_sha256": source.ticket.contract.sha256,
        "edgedf.arch": source.ticket.arch,
    }
