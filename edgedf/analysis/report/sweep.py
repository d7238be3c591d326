"""The page's part about time: latency over sparsity, per architecture and engine."""

from __future__ import annotations

from collections.abc import Sequence

from edgedf.analysis.report.latency_chart import latency_chart
from edgedf.analysis.report.markup import Html, Part, section, table, tag
from edgedf.analysis.sweep import Sweep, SweepPoint


def sweep_section(sweep: Sweep) -> Html:
    """One chart per architecture, and every figure as a table."""
    works = list(dict.fromkeys(point.work for point in sweep.points))
    threads = f"{sweep.threads} thread{'s' if sweep.threads > 1 else ''}"
    intro = (
        f"Random masks with the same share of zeros in every layer, so that only the count of weights left "
        f"changes; engines that compute zeros too are converted once per form of network. "
        f"One crop from its bytes to the logit, {threads}, calls of the engines in turns, on "
        f"{sweep.processor or 'an unnamed processor'}. Medians; bars span the 10th to 90th percentile."
    )
    charts = []
    for work in works:
        chart = latency_chart(_lines(sweep.points, work), label=work)
        charts.append(tag("figure", chart, tag("figcaption", work)))
    missing = [tag("p", f"NOT RUN {target}: {why}") for target, why in sorted(sweep.not_run.items())]
    return section("Latency over sparsity", tag("p", intro), *charts, _table(sweep), *missing)


def _lines(points: Sequence[SweepPoint], work: str) -> dict[str, list[SweepPoint]]:
    lines: dict[str, list[SweepPoint]] = {}
    for point in sorted((p for p in points if p.work == work), key=lambda p: p.sparsity):
        lines.setdefault(point.target, []).append(point)
    return lines


def _table(sweep: Sweep) -> Html:
    """Rows are networks, columns engines."""
    targets = list(dict.fromkeys(point.target for point in sweep.points))
    cells: dict[tuple[str, float], dict[str, SweepPoint]] = {}
    for point in sweep.points:
        cells.setdefault((point.work, point.sparsity), {})[point.target] = point
    columns = ("network", "zero", *(f"{target} ms" for target in targets))
    rows: list[list[Part]] = [
        [work, f"{sparsity:.0%}", *(_cell(found.get(target)) for target in targets)]
        for (work, sparsity), found in cells.items()
    ]
    figures = table(columns, rows, numbers=columns[1:])
    return tag("details", tag("summary", "Every figure"), figures)


def _cell(point: SweepPoint | None) -> str | None:
    return None if point is None else f"{point.median:.3f} ({point.low:.3f} to {point.high:.3f})"
