"""`edgedf parity --box-jitter`: how verdicts change as the face box moves and grows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.cli.output import print_json, print_table, progress_bar
from edgedf.errors import UsageError

if TYPE_CHECKING:
    from edgedf.bundle.reader import Bundle
    from edgedf.parity.jitter import JitterRow


def print_jitter(
    bundle: Bundle, targets: tuple[str, ...], data: Path | None, pictures: int, as_json: bool
) -> None:
    """Measure in one target and print. Raises UsageError if `targets` are more than one."""
    from edgedf.assembly.recheck import first_backend, jitter_pictures
    from edgedf.parity.jitter import box_jitter

    if len(targets) > 1:
        raise UsageError("--box-jitter runs one target", field="--target")
    found = jitter_pictures(bundle.goldens(), data, pictures)
    contract = bundle.manifest.contract
    with (
        first_backend(bundle, targets[0] if targets else None) as backend,
        progress_bar("box jitter", total=len(found.faces)) as bar,
    ):
        rows = box_jitter(backend.run, contract, found.faces, labels=found.labels, advance=bar.advance)
        target, runtime = backend.name, backend.runtime
    if as_json:
        print_json(
            {
                "bundle": str(bundle.path),
                "target": target,
                "runtime": runtime,
                "pictures": len(found.faces),
                "pictures_from": found.source,
                "rows": [row.to_json() for row in rows],
            }
        )
        return
    title = f"{bundle.manifest.name}: {target} in {runtime}, {len(found.faces)} pictures ({found.source})"
    columns: tuple[str, ...] = (
        "box is off by",
        "boxes",
        "flips",
        "score spread, mean",
        "score spread, max",
        "score change, RMS",
    )
    if found.labels is not None:
        columns = (*columns, "right")
        title += f", {rows[0].true_accuracy:.1%} right with their own boxes"
    print_table(columns, [_jitter_row(row) for row in rows], title=title, right=columns[1:])


def _jitter_row(row: JitterRow) -> tuple[object, ...]:
    return (
        f"{row.amplitude:.0%}",
        row.boxes,
        f"{row.flips} ({row.flips / row.boxes:.1%})",
        f"{row.mean_spread:.3f}",
        f"{row.max_spread:.3f}",
        f"{row.rms_change:.3f}",
        *(() if row.accuracy is None else (f"{row.accuracy:.1%}",)),
    )
