"""`edgedf parity`: a bundle's artifacts against its golden vectors, on this machine, now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedf.bundle.manifest import TARGETS
from edgedf.cli.config import named_bundle
from edgedf.cli.options import ExistingPath, accept_option, json_option
from edgedf.cli.output import print_json, print_table, progress_bar
from edgedf.cli.parity_faults import print_faults
from edgedf.cli.parity_jitter import print_jitter
from edgedf.cli.parity_mode import check_mode
from edgedf.cli.parity_table import (
    print_limits,
    print_not_checked,
    print_problems,
    print_stand_ins,
    report_row,
)

if TYPE_CHECKING:
    from edgedf.bundle.reader import Bundle
    from edgedf.parity.gate import Report


@click.command()
@click.argument("bundle", required=False, type=ExistingPath)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Choice(TARGETS),
    help="Check this target; may be repeated. Default: all that the bundle holds.",
)
@click.option(
    "--ticket",
    type=ExistingPath,
    metavar="T",
    help="Hold everything to this ticket: its own logits, decisions and AUC (torch).",
)
@click.option("--data", type=ExistingPath, metavar="DIR", help="Take evaluation pictures from this data set.")
@click.option(
    "--crops",
    type=click.IntRange(40, 1_000_000),
    default=400,
    show_default=True,
    help="At most this many evaluation crops; float32 needs 90 or more for AUC.",
)
@click.option(
    "--box-jitter", is_flag=True, help="Instead, measure how verdicts change as the face box moves and grows."
)
@click.option(
    "--pictures",
    type=click.IntRange(1, 100_000),
    default=24,
    show_default=True,
    help="Pictures for --box-jitter.",
)
@click.option(
    "--faults",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Instead, give the ticket's network N single faults of each kind and print which share a build's "
    "gate refuses (--ticket, torch).",
)
@accept_option
@json_option
def command(
    bundle: Path | None,
    targets: tuple[str, ...],
    ticket: Path | None,
    data: Path | None,
    crops: int,
    box_jitter: bool,
    pictures: int,
    faults: int | None,
    accept_not_run: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check a bundle's artifacts against its golden vectors again.

    BUNDLE is a folder or .zip of `edgedf build`. Every hash is checked, the golden crops are made again
    and must be equal to the bit, and every artifact runs in its own runtime and must give the golden
    logits within the manifest's tolerances. Needs no torch, except with --ticket.

    \b
    Exit codes: 0 all passed, 1 something failed, 2 bad input, 3 something could not run here.
    Example:
      edgedf parity runs/first/bundle.edgedf --target tflite
      edgedf parity runs/first/bundle.edgedf --box-jitter --json
      edgedf parity runs/first/bundle.edgedf --ticket runs/first --faults 100
    """
    from edgedf.assembly.recheck import recheck
    from edgedf.assembly.ticket_reference import ticket_reference
    from edgedf.bundle.reader import open_bundle
    from edgedf.parity.gate import accepted, combine, exit_code, not_checked

    check_mode(click.get_current_context())
    targets = tuple(dict.fromkeys(targets))
    with open_bundle(named_bundle(bundle)) as opened:
        if faults is not None and ticket is not None:
            print_faults(opened, ticket, faults, targets, as_json)
            return
        if box_jitter:
            print_jitter(opened, targets, data, pictures, as_json)
            return
        reference = None if ticket is None else ticket_reference(opened.manifest, ticket, data, crops)
        chosen = targets or tuple(entry.target for entry in opened.manifest.artifacts)
        with progress_bar("parity", total=len(chosen)) as bar:
            reports = recheck(
                opened, chosen, reference, notify=lambda name: bar.update(chosen.index(name), note=name)
            )
        outcome = combine(report.outcome for report in reports)
        if as_json:
            checked = [report.to_json() for report in reports]
            missing = [name for names in not_checked(reports).values() for name in names]
            document = {"bundle": str(opened.path), "outcome": str(outcome), "not_checked": missing}
            print_json(document | {"reports": checked})
        else:
            _print(opened, reports)
            click.echo(f"Gate: {outcome.label}")
    sys.exit(exit_code(outcome, accepted=accepted(reports, accept_not_run)))


def _print(bundle: Bundle, reports: tuple[Report, ...]) -> None:
    columns = ("what", "precision", "ran in", "max error", "RMS error", "flips", "AUC change", "gate")
    rows = [report_row(report) for report in reports]
    title = f"{bundle.manifest.name}: agreement with the golden vectors"
    print_table(columns, rows, title=title, right=("max error", "RMS error", "flips", "AUC change"))
    print_limits(reports)
    print_problems(reports)
    print_stand_ins(reports)
    print_not_checked(reports)
