"""`edgedf bench --sweep`: latency over sparsity, per architecture and engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.cli.output import print_json, print_table, progress_bar, say, show_line, warn
from edgedf.errors import UsageError

if TYPE_CHECKING:
    from edgedf.analysis.sweep import Sweep
    from edgedf.assembly.sweep import Work

_HINT = "name an architecture, or one with its crop size, such as mesonet@128"


def sweep(source: Path | None, archs: tuple[str, ...], runs: int, threads: int, out: Path | None) -> Sweep:
    """Measure and write the file; say where it is.

    Args:
        source: a run or ticket whose network to time; its run takes the file.
        archs: or these networks, NAME or NAME@SIZE; without both, every architecture at its usual size.
    """
    from edgedf.analysis.busy import EFFECT, busy
    from edgedf.analysis.sweep import SWEEP_NAME, write_sweep
    from edgedf.assembly.sweep import SPARSITIES, run_sweep

    if source is not None and archs:
        raise UsageError(
            "names networks, and so does the run or ticket", field="--arch", hint="leave one out"
        )
    works, folder = _works_of(source) if source else (_works(archs), Path())
    path = folder / SWEEP_NAME if out is None else out
    others = busy()
    with progress_bar("Sweep", total=len(works) * len(SPARSITIES)) as bar:
        done = 0

        def notify(step: str) -> None:
            nonlocal done
            bar.update(done, note=step)
            done += 1

        result = run_sweep(works, runs=runs, threads=threads, notify=notify)
    if others:
        warn(f"{others}: {EFFECT}")
    write_sweep(path, result)
    say(f"Written: {path}. `edgedf report` shows it.")
    return result


def show(result: Sweep, *, as_json: bool) -> None:
    """Print what was measured."""
    if as_json:
        print_json(result.to_json())
        return
    targets = list(dict.fromkeys(point.target for point in result.points))
    cells = {(point.work, point.sparsity, point.target): point for point in result.points}
    rows: list[tuple[object, ...]] = []
    for work, sparsity in dict.fromkeys((point.work, point.sparsity) for point in result.points):
        found = [cells.get((work, sparsity, target)) for target in targets]
        rows.append(
            (
                work,
                f"{sparsity:.0%}",
                *(f"{p.median:.3f} ({p.low:.3f}-{p.high:.3f})" if p else None for p in found),
            )
        )
    columns = ("network", "zero", *targets)
    threads = f"{result.threads} thread{'s' if result.threads > 1 else ''}"
    title = f"median milliseconds (10th-90th percentile), {threads}, {result.processor}"
    print_table(columns, rows, title=title, right=columns[1:])
    for target, why in result.not_run.items():
        show_line(f"NOT RUN {target}: {why}")


def _works(archs: tuple[str, ...]) -> list[Work]:
    from edgedf.assembly.sweep import Work
    from edgedf.models.registry import ARCHITECTURES, architecture, check_args

    works = []
    for text in archs or tuple(ARCHITECTURES):
        name, at, size = text.partition("@")
        if at and not size.isdecimal():
            raise UsageError(f"{text[:40]!r} has no size after @", field="--arch", hint=_HINT)
        works.append(Work(arch=name, size=int(size[:9]) if at else architecture(name).default_size))
        check_args(name, {"size": works[-1].size})
    return works


def _works_of(source: Path) -> tuple[list[Work], Path]:
    """The network of a run or ticket, and the folder that the file belongs to."""
    from edgedf.assembly.source import read_source
    from edgedf.assembly.sweep import Work

    found = read_source(source)
    work = Work(arch=found.ticket.arch, size=found.ticket.contract.size)
    return [work], found.run or Path()
