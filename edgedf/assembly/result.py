"""What a build comes to: reports, sizes, and where the bundle is, if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.parity.gate import Outcome, Report, combine
from edgedf.training.metrics import NEAR_CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """One artifact of a build.

    Attributes:
        report: what the gate found.
        installed: bytes of its files.
        zipped: bytes of the same files in a .zip, what a download costs.
        notes: what the converter remarks.
    """

    report: Report
    installed: int
    zipped: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """A finished build.

    Attributes:
        name: the bundle's name.
        ticket: file it was built from.
        ticket_sha256: of that file.
        compaction: what left the network, plain JSON.
        evaluation: where the evaluation crops came from, or None.
        dense_auc: AUC of the ticket's dense network on them, 0..1, or None.
        references: reports of the goldens and of dense and compacted PyTorch.
        targets: one entry per artifact.
        bundle: the folder written, or None if the gate said no.
        archive: the .zip written, or None.
        golden_bytes: size of golden/.
        seconds: wall-clock time since the user began to wait: reading the ticket and evaluation crops too.
    """

    name: str
    ticket: Path
    ticket_sha256: str
    compaction: dict[str, Any]
    evaluation: str | None
    dense_auc: float | None
    references: tuple[Report, ...]
    targets: tuple[TargetResult, ...]
    bundle: Path | None
    archive: Path | None
    golden_bytes: int
    seconds: float

    @property
    def reports(self) -> tuple[Report, ...]:
        """Every report, references first."""
        return (*self.references, *(target.report for target in self.targets))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the outcome should know besides it."""
        if self.dense_auc is None or abs(self.dense_auc - 0.5) >= NEAR_CHANCE:
            return ()
        return (
            f"the ticket itself hardly tells fake from real (AUC {self.dense_auc:.3f} on the evaluation "
            "crops): the gate says that the artifacts compute the same, not that they are of use",
        )

    @property
    def outcome(self) -> Outcome:
        """All reports together."""
        return combine(report.outcome for report in self.reports)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "ticket": str(self.ticket),
            "ticket_sha256": self.ticket_sha256,
            "compaction": self.compaction,
            "evaluation": self.evaluation,
            "dense_auc": None if self.dense_auc is None else round(self.dense_auc, 4),
            "notes": list(self.notes),
            "outcome": str(self.outcome),
            "references": [report.to_json() for report in self.references],
            "targets": [
                target.report.to_json()
                | {
                    "target": target.report.subject,
                    "bytes_installed": target.installed,
                    "bytes_zipped": target.zipped,
                    "notes": list(target.notes),
                }
                for target in self.targets
            ],
            "bundle": None if self.bundle is None else str(self.bundle),
            "zip": None if self.archive is None else str(self.archive),
            "golden_bytes": self.golden_bytes,
            "seconds": round(self.seconds, 2),
        }
