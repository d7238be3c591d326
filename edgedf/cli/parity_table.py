"""How `edgedf build` and `edgedf parity` print what the gate found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgedf.bundle.parity_record import CONVERSION, stands_in
from edgedf.cli.output import show_line
from edgedf.parity.gate import Check, Outcome, Report, not_checked

_LIMITS = {
    "values": "max error {:.0e}",
    "conversion": "against its own weights {:.0e}",
    "flips": "flips {:.1%}",
    "auc": "AUC change {:g}",
}


def report_row(report: Report, *sizes: str | None) -> tuple[object, ...]:
    """One table row: what, precision, runtime, sizes, max and RMS error, flips, AUC change, gate."""
    numbers: Mapping[str, float | None] = report.metrics
    return (
        report.subject,
        report.precision or None,
        report.runtime or ("NOT RUN" if report.outcome is Outcome.NOT_RUN else None),
        *sizes,
        _number(numbers.get("max_logit_error"), ".1e"),
        _number(numbers.get("rms_logit_error"), ".1e"),
        _flips(numbers),
        _number(numbers.get("auc_change"), "+.5f"),
        report.outcome.label,
    )


def print_limits(reports: Iterable[Report]) -> None:
    """One line for each precision and its limits, as the checks used them."""
    lines: dict[str, None] = {}
    for report in reports:
        if report.precision and (limits := report.limits):
            parts = [form.format(limits[name]) for name, form in _LIMITS.items() if name in limits]
            lines[f"allowed: {report.precision}: {', '.join(parts)}"] = None
    for line in lines:
        show_line(line)


def print_conversion(reports: Iterable[Report]) -> None:
    """One line: how far each way is from what its own weights, as its file stores them, give."""
    found = [
        f"{report.subject} {check.measured:.1e}"
        for report in reports
        for check in report.checks
        if check.name == CONVERSION and check.measured is not None
    ]
    if found:
        show_line(f"max error against its own weights: {', '.join(found)}")


def print_problems(reports: Iterable[Report]) -> None:
    """The checks that are no pass, with all failures; what several reports say alike is said once."""
    subjects: dict[Check, list[str]] = {}
    for report in reports:
        for check in report.checks:
            if check.outcome is not Outcome.PASS:
                subjects.setdefault(check, []).append(report.subject)
    for check, names in subjects.items():
        show_line(f"{check.outcome.label}: {', '.join(names)}: {check.name}: {check.detail}")
        for failure in check.failures:
            show_line(f"    {failure}")


def print_stand_ins(reports: Iterable[Report]) -> None:
    """A line for each target that another program answered for: a pass of that is no run of the target."""
    for report in reports:
        if stands_in(report.runtime):
            own = {"coreml": "Core ML"}.get(report.subject, report.subject)
            show_line(f"NOT RUN: {report.subject}: {own} itself, on this machine; the {report.runtime} ran")


def print_not_checked(reports: Iterable[Report]) -> None:
    """A line for what this command was not asked: a pass without it must not look like one with it."""
    for where, names in not_checked(reports).items():
        show_line(f"not checked {where}: {', '.join(names)}")


def _number(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


def _flips(numbers: Mapping[str, float | None]) -> str | None:
    """ "flips / decisions" over goldens and evaluation crops."""
    golden, crops = numbers.get("golden_flips"), numbers.get("evaluation_flips")
    if golden is None:
        return None
    count = int((numbers.get("goldens") or 0) + (numbers.get("evaluation_crops") or 0))
    return f"{int(golden + (crops or 0))} / {count}"
