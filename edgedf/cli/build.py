"""`edgedf build`: from a ticket to a bundle that has passed the gate."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedf.bundle.manifest import PRECISIONS, TARGETS
from edgedf.cli.config import read_config
from edgedf.cli.options import ExistingPath, accept_option, json_option
from edgedf.cli.output import human_bytes, print_json, print_table, progress_bar, say, show_line, warn
from edgedf.cli.parity_table import (
    print_conversion,
    print_limits,
    print_problems,
    print_stand_ins,
    report_row,
)
from edgedf.errors import UsageError
from edgedf.parity.gate import Outcome, exit_code, some_values_ran

if TYPE_CHECKING:
    from edgedf.assembly.result import BuildResult, TargetResult

# What helps where a check could not run.
_REMEDIES = {
    "contrast": "train longer",
    "open": "`edgedf doctor` says which runtimes are missing",
    "values": "build with float32 or train longer",
    "auc": "name a data set with more test pictures (--data), or take more of them (--crops)",
}


@click.command()
@click.argument("source", required=False, type=ExistingPath, metavar="[TICKET|RUN]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Choice((*TARGETS, "all")),
    help="What to build; may be repeated. Default: all.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    metavar="P|TARGET=P",
    help=f"{', '.join(PRECISIONS)}; for every target, or for one. Default: float32.",
)
@click.option(
    "--out",
    type=ExistingPath,
    metavar="DIR",
    help="Bundle folder (NAME.edgedf), or folder to put it in; a bundle there is replaced whole. Default: "
    "the run (bundle.edgedf for its chosen ticket, else the ticket's name), else here; for the `ticket` in "
    "edgedf.toml its `bundle`.",
)
@click.option("--zip", "zipped", is_flag=True, help="Also write the bundle as one .zip file beside it.")
@click.option("--data", type=ExistingPath, metavar="DIR", help="Take evaluation crops from this data set.")
@click.option(
    "--crops",
    type=click.IntRange(40, 1_000_000),
    default=400,
    show_default=True,
    help="At most this many evaluation crops; float32 needs 90 or more for AUC.",
)
@accept_option
@json_option
def command(
    source: Path | None,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    out: Path | None,
    zipped: bool,
    data: Path | None,
    crops: int,
    accept_not_run: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compact a ticket, convert it, prove parity, write a bundle.

    TICKET is a ticket file, RUN a folder of `edgedf train`. Without either: `ticket` in edgedf.toml,
    else the demo ticket that edgedf ships. Every artifact runs in its own runtime and must agree with
    PyTorch on golden pictures and evaluation crops; otherwise nothing is written.

    \b
    Exit codes: 0 written, 1 the gate said no, 2 bad input, 3 a check could not run (see --accept-not-run).
    Example:
      edgedf build runs/first --target executorch --target tflite --out app/models --zip
    """
    started = time.perf_counter()
    from edgedf.assembly.evaluation import find_evaluation
    from edgedf.assembly.pipeline import BuildOptions, build, steps
    from edgedf.assembly.source import bundle_path, read_source
    from edgedf.bundle.writer import check_replaceable

    config = read_config()
    chosen = _precisions(targets, precisions)
    found = read_source(source or config.ticket)
    configured = out is None and source is None and config.ticket is not None
    folder = config.bundle if configured and config.bundle else bundle_path(found, out)
    check_replaceable(folder)
    before = _targets_at(folder)
    with progress_bar(f"build {found.name}") as bar:
        done = 0

        def notify(step: str) -> None:
            nonlocal done
            bar.update(done, note=step)
            done += 1

        bar.update(0, note="evaluation crops")
        evaluation = find_evaluation(found, data, crops)
        options = BuildOptions(
            precisions=chosen,
            out=folder,
            archive=folder.with_name(f"{folder.name}.zip") if zipped else None,
            accept_not_run=accept_not_run,
            notify=notify,
            started=started,
        )
        bar.update(0, total=steps(options))
        result = build(found, evaluation, options)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result, demo=found.demo)
    if result.bundle is not None and (gone := [target for target in before if target not in chosen]):
        warn(f"the bundle that was there is replaced, and so are its artifacts for {', '.join(gone)}")
    sys.exit(exit_code(result.outcome, accepted=result.bundle is not None))


def _targets_at(folder: Path) -> tuple[str, ...]:
    """Targets of the bundle that lies at `folder`, if there is one."""
    from edgedf.bundle.integrity import read_manifest

    return tuple(entry.target for entry in read_manifest(folder).artifacts) if folder.exists() else ()


def _precisions(targets: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, str]:
    """target -> precision, in the order of the converters' table. Raises UsageError."""
    from converters import PRECISIONS as OFFERED
    from converters import TARGETS as BUILDABLE

    wanted = [t for t in BUILDABLE if not targets or "all" in targets or t in targets]
    general: str | None = None
    single: dict[str, str] = {}
    for text in texts:
        target, equals, precision = text.rpartition("=")
        if precision not in PRECISIONS:
            hint = f"use {', '.join(PRECISIONS)}, or TARGET=PRECISION"
            raise UsageError(f"unknown precision {precision[:40]!r}", field="--precision", hint=hint)
        if equals and target not in wanted:
            raise UsageError(f"{target[:40]!r} is not being built", field="--precision")
        if equals:
            single[target] = precision
        else:
            general = precision
    result = {target: single.get(target, general or "float32") for target in wanted}
    for target, precision in result.items():
        if precision not in OFFERED[target]:
            hint = f"{target} offers {', '.join(OFFERED[target])}; use --precision {target}=..."
            raise UsageError(f"{target} has no {precision}", field="--precision", hint=hint)
    return result


def _print(result: BuildResult, *, demo: bool) -> None:
    if demo:
        say("No ticket named: this is the demo ticket, trained on synthetic faces. It knows no real fakes.")
    rows = [report_row(report, None, None) for report in result.references if report.subject != "goldens"]
    rows += [_target_row(target) for target in result.targets]
    numbers = ("size", "zipped", "max error", "RMS error", "flips", "AUC change")
    columns = ("what", "precision", "ran in", *numbers, "gate")
    print_table(
        columns,
        rows,
        title=f"{result.name}: agreement with the dense network",
        right=numbers,
    )
    print_limits(result.reports)
    print_conversion(result.reports)
    _print_problems(result)
    print_stand_ins(result.reports)
    for target in result.targets:
        for note in target.notes:
            show_line(f"note: {target.report.subject}: {note}")
    for note in result.notes:
        show_line(f"note: {note}")
    crops = result.evaluation or "NOT RUN (no evaluation crops)"
    show_line(f"Evaluation crops: {crops}. Golden files: {human_bytes(result.golden_bytes)}.")
    if result.bundle is None:
        show_line(f"Gate: {result.outcome.label}. No bundle was written.")
        return
    show_line(f"Gate: {result.outcome.label}. Bundle: {result.bundle} ({result.seconds:.0f} s)")
    if result.archive is not None:
        show_line(f"Zip: {result.archive} ({human_bytes(result.archive.stat().st_size)})")


def _target_row(target: TargetResult) -> tuple[object, ...]:
    return report_row(target.report, human_bytes(target.installed), human_bytes(target.zipped))


def _print_problems(result: BuildResult) -> None:
    """One line per check that is no pass, with every single failure below it."""
    print_problems(result.reports)
    missing = {c.name for report in result.reports for c in report.checks if c.outcome is Outcome.NOT_RUN}
    if result.bundle is None and result.outcome is Outcome.NOT_RUN:
        remedies = [remedy for name, remedy in _REMEDIES.items() if name in missing]
        if some_values_ran(result.reports):
            remedies.append("accept this with --accept-not-run " + " --accept-not-run ".join(sorted(missing)))
        show_line("hint: " + ", or ".join(remedies))
