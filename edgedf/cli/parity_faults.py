"""`edgedf parity --faults`: the share of single faults that the gate of a build refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.cli.output import print_json, print_table, progress_bar

if TYPE_CHECKING:
    from edgedf.assembly.faults import FaultRow
    from edgedf.bundle.reader import Bundle


def print_faults(bundle: Bundle, ticket: Path, count: int, as_json: bool) -> None:
    """Measure and print. Raises BundleError if the bundle was not built from `ticket`."""
    from edgedf.assembly.faults import fault_rows
    from edgedf.assembly.recheck import bundle_source

    source = bundle_source(bundle.manifest, ticket)
    with progress_bar("faults") as bar:
        rows = fault_rows(source, bundle.goldens(), count=count, notify=bar.update)
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
        f"{row.refused / row.tried:.0%}",
        None if row.largest_missed is None else f"{row.largest_missed:.1e}",
        missed or None,
    )
