"""`edgedf report`: one HTML page about a run and its bundle."""

from __future__ import annotations

from pathlib import Path

import click

from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME
from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import human_bytes, print_json, progress_bar, show_line
from edgedf.errors import UsageError


@click.command()
@click.argument("source", type=ExistingPath, metavar="RUN|BUNDLE")
@click.option("--out", type=ExistingPath, metavar="PAGE", help="Page to write. Default: report.html in RUN.")
@click.option(
    "--runs",
    type=click.IntRange(0, 100_000),
    default=30,
    show_default=True,
    help="Timed calls per target; 0 times nothing.",
)
@click.option(
    "--sweep",
    type=ExistingPath,
    metavar="FILE",
    help="Latency over sparsity from `edgedf bench --sweep`. Default: sweep.json in RUN, if it is there.",
)
@json_option
def command(source: Path, out: Path | None, runs: int, sweep: Path | None, as_json: bool) -> None:
    """Write one self-contained HTML page about a run and its bundle.

    RUN is a folder of `edgedf train`, with a bundle in it if one was built from its tickets (bundle.edgedf,
    else the only one there); BUNDLE is a bundle alone. The
    page holds accuracy over sparsity with controls and seeds, the artifacts' sizes, latency, parity and
    flips, latency over sparsity, a contact sheet, the lineage, and what was not run. It loads nothing
    from the network.

    \b
    Examples:
      edgedf report runs/first
      edgedf report mesonet.edgedf --out mesonet.html --runs 0
    """
    from edgedf.analysis.report import gather, render
    from edgedf.files import write_atomic

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{out} must end in .html", field="--out")
    page = _page(source) if out is None else out
    _check_outside(page)
    with progress_bar("Timing", total=runs) as bar:
        sources = gather(source, runs=runs, sweep=sweep, progress=bar.update)
    data = render(sources).encode()
    write_atomic(page, data)
    if as_json:
        answer = {"page": str(page), "size": len(data), "artifacts_of": sources.artifacts_of or None}
        print_json(answer | {"not_run": list(sources.not_run)})
        return
    show_line(f"{page}: {human_bytes(len(data))}")
    if sources.artifacts_of:
        show_line(f"note: {sources.artifacts_of}")
    for line in sources.not_run:
        show_line(f"NOT RUN {line}")


def _check_outside(page: Path) -> None:
    """Raises UsageError if the page would lie in a bundle, which a foreign file breaks."""
    for folder in page.resolve().parents:
        if (folder / MANIFEST_NAME).is_file() and (folder / CHECKSUM_NAME).is_file():
            problem = f"{page} would lie in the bundle {folder.name}, which holds only listed files"
            raise UsageError(problem, field="--out", hint="choose a place beside the bundle")


def _page(source: Path) -> Path:
    """RUN/report.html; beside a bundle, which must not change, NAME.html."""
    run, source = source / "run.json", source.resolve()
    return source / "report.html" if run.is_file() else source.with_name(f"{source.stem}.html")
