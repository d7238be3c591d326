"""The gate's words: a check passes, fails or did not run, and NOT RUN is never a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgedf.bundle.manifest import TARGETS
from edgedf.bundle.parity_record import CONVERSION, ConversionRecord, ParityMetrics, ParityRecord
from edgedf.errors import EXIT_GATE, EXIT_NOT_RUN, EdgedfError

# The checks that may not run for a reason that is not the artifact's.
ACCEPTABLE = ("contrast", "open", "values", "auc")
# The checks of a recheck that need the ticket.
ONLY_TICKET = ("ticket", "logits", "auc")


class Outcome(StrEnum):
    """What came of one check."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    FAIL = "fail"
    NOT_RUN = "not_run"

    @property
    def label(self) -> str:
        """For people: PASS, FAIL or NOT RUN."""
        return self.name.replace("_", " ")


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL if any failed, else NOT_RUN if any did not run or there was none at all, else PASS."""
    found = set(outcomes)
    if Outcome.FAIL in found:
        return Outcome.FAIL
    return Outcome.PASS if found == {Outcome.PASS} else Outcome.NOT_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of one artifact.

    Attributes:
        name: "contract", "contrast", "crops", "ticket", "logits" of goldens; "names", "shapes", "open",
            "values", "conversion", "flips", "auc" of artifacts.
        outcome: pass, fail or not run.
        detail: one line: what was found, or why it did not run.
        measured, allowed: the number and its limit, where the check has one.
        failures: every single failure, worst first; empty unless the check failed.
    """

    name: str
    outcome: Outcome
    detail: str
    measured: float | None = None
    allowed: float | None = None
    failures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "outcome": str(self.outcome),
            "detail": self.detail,
            "measured": self.measured,
            "allowed": self.allowed,
            "failures": list(self.failures),
        }


def passed(name: str, detail: str, *, measured: float | None = None, allowed: float | None = None) -> Check:
    """A check that passed."""
    return Check(name=name, outcome=Outcome.PASS, detail=detail, measured=measured, allowed=allowed)


def failed(
    name: str,
    detail: str,
    failures: Iterable[str] = (),
    *,
    measured: float | None = None,
    allowed: float | None = None,
) -> Check:
    """A check that failed."""
    return Check(
        name=name,
        outcome=Outcome.FAIL,
        detail=detail,
        measured=measured,
        allowed=allowed,
        failures=tuple(failures),
    )


def not_run(name: str, why: str) -> Check:
    """A check that could not run."""
    return Check(name=name, outcome=Outcome.NOT_RUN, detail=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one way to compute the logits.

    Attributes:
        subject: a target's name, "pytorch", "compacted" or "bundle".
        precision: of the artifact, "" where there is none.
        runtime: what really executed, "" if nothing did.
        checks: in the order they ran.
        metrics: measured numbers by name, JSON-ready.
    """

    subject: str
    precision: str = ""
    runtime: str = ""
    checks: tuple[Check, ...]
    metrics: dict[str, Any]

    @property
    def outcome(self) -> Outcome:
        """All checks together."""
        return combine(check.outcome for check in self.checks)

    @property
    def limits(self) -> dict[str, float]:
        """What was allowed, by check; only those that compared a number."""
        return {check.name: check.allowed for check in self.checks if check.allowed is not None}

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, with every check and every failure."""
        return {
            "subject": self.subject,
            "precision": self.precision,
            "outcome": str(self.outcome),
            "runtime": self.runtime,
            "checks": [check.to_json() for check in self.checks],
            "metrics": self.metrics,
            "limits": self.limits,
        }

    def record(self) -> ParityRecord:
        """What a manifest keeps of an artifact's report: outcomes and numbers, no text that names a place."""
        checks = {check.name: str(check.outcome) for check in self.checks}
        # Numbers of a comparison that proves nothing stay out, so that nobody takes them for proof.
        numbers = self.metrics if checks.get("values") != Outcome.NOT_RUN else {}
        return ParityRecord(
            outcome=str(self.outcome),
            runtime=self.runtime,
            checks=checks,
            metrics=ParityMetrics(**numbers) if numbers else None,
            conversion=self._conversion(),
        )

    def _conversion(self) -> ConversionRecord | None:
        """The numbers of the check of that name, if it ran."""
        for check in self.checks:
            if check.name == CONVERSION and check.measured is not None and check.allowed is not None:
                return ConversionRecord(measured=check.measured, allowed=check.allowed)
        return None


def accepted(reports: Iterable[Report], accept: Iterable[str]) -> bool:
    """Whether every check that did not run was accepted by name.

    Never where no artifact's values were compared: nothing is then known of any of them.

    Args:
        accept: names of checks, from ACCEPTABLE, and of targets.
    """
    named, everything = set(accept), tuple(reports)
    missing = [(r.subject, c.name) for r in everything for c in r.checks if c.outcome is Outcome.NOT_RUN]
    return some_values_ran(everything) and all(named & set(pair) for pair in missing)


def some_values_ran(reports: Iterable[Report]) -> bool:
    """Whether the values of at least one artifact were compared and passed."""
    artifacts = [report for report in reports if report.subject in TARGETS]
    checks = [check for report in artifacts for check in report.checks]
    return any(check.name == "values" and check.outcome is Outcome.PASS for check in checks)


def not_checked(reports: Iterable[Report]) -> dict[str, tuple[str, ...]]:
    """What would have asked for them -> checks that a recheck left out: its pass says nothing about them."""
    tried = {check.name for report in reports for check in report.checks}
    missing = {"without --ticket": ONLY_TICKET, "outside a build": (CONVERSION,)}
    return {where: names for where, names in missing.items() if not tried & set(names)}


def exit_code(outcome: Outcome, *, accepted: bool) -> int:
    """0 for a pass, 1 for a failure, 3 where something did not run and nobody accepted that."""
    if outcome is Outcome.FAIL:
        return EXIT_GATE
    return EXIT_NOT_RUN if outcome is Outcome.NOT_RUN and not accepted else 0


def one_line(error: EdgedfError) -> str:
    """An error's text and hint in one line, for a check's detail."""
    return str(error).replace("\n", "; ")
