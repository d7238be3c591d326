"""`edgedf parity --faults`: the share of single faults that the gate of a build refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.cli.output import print_json, print_table, progress_bar
from edgedf.errors import UsageError

if TYPE_CHECKING:
    from edgedf.assembly.faults import FaultRow
    from edgedf.bundle.reader import Bundle


def print_faults(bundle: Bundle, ticket: Path, count: int, targets: tuple[str, ...], as_json: bool) -> None:
    """Measure and print, everywhere or only in `targets`.

    Raises UsageError if faults cannot run in a target, BundleError if the bundle was not built from `ticket`,
    ParityError if the network without a fault is refused too.
    """
    from edgedf.assembly.faults import WAYS, fault_rows
    from edgedf.assembly.ticket_reference import bundle_source

    for target in targets:
        if target not in {ran for ran, _ in WAYS}:
            raise UsageError("--faults runs in PyTorch and native only", field=f"--target {target}")
    ways = [way for way in WAYS if not targets or way[0] in targets]
    source = bundle_source(bundle.manifest, ticket)
    with progress_bar("faults") as bar:
        rows = fault_rows(source, bundle.goldens(), count=count, ways=ways, notify=bar.update)
    if as_json:
        print_json({"bundle": str(bundle.path), "rows": [row.to_json() for row in rows]})
        return
    columns = ("one fault", "ran in", "refused", "share", "largest error let through", "in")
    title = f"{bundle.manifest.name}: single faults that the golden logits of a build find"
    print_table(columns, [_row(row) for row in rows], title=title, right=("refused", "share"))


def _row(row: FaultRow) -> tuple[object, ...]:
    missed = ", ".join(f"{layer} ({count})" for layer, count in row.missed.items())
    return (
        row.fault,
        f"{row.ran} {row.precision}",
        f"{row.refused} of {row.tried}",
        "none tried" if row.share is None else f"{row.share:.0%}",
        None if row.largest_missed is None else f"{row.largest_missed:.1e}",
        missed or None,
    )
