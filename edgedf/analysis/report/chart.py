"""A line chart as inline SVG: a quality measure over the share of weights that is left, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgedf.analysis.report.markup import Html, tag
from edgedf.analysis.report.plot import Area, Dot, axes, picture

_AREA = Area(width=760, height=340, left=56, right=200, top=16, bottom=46)
_COLUMNS = (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One x of one series: share of weights left (0, 1], mean over seeds, lowest and highest seed."""

    left: float
    mean: float
    low: float
    high: float


def line_chart(series: Mapping[str, Sequence[ChartPoint]], *, label: str) -> Html:
    """The chart; `series` maps a name to its points."""
    points = [point for line in series.values() for point in line]
    if not points:
        return tag("p", "no points")
    scale = _Scale.around(points)
    grid = axes(_AREA, scale.rows(), scale.columns(), below="weights left", beside=label)
    lines = {name: [_dot(scale, name, point) for point in line] for name, line in series.items()}
    return picture(_AREA, grid, lines, label=f"{label} over weights left")


@dataclass(frozen=True, slots=True)
class _Scale:
    """The mapping from values to places in the picture."""

    least_left: float
    low: float
    high: float

    @staticmethod
    def around(points: Sequence[ChartPoint]) -> _Scale:
        low = math.floor(20 * min(point.low for point in points)) / 20
        high = math.ceil(20 * max(point.high for point in points)) / 20
        least = min(min(point.left for point in points), 0.5)
        return _Scale(max(least, 1e-4), low, max(high, low + 0.05))

    def x(self, left: float) -> float:
        return _AREA.x(math.log(max(left, self.least_left)) / math.log(self.least_left))

    def y(self, value: float) -> float:
        return _AREA.y((value - self.low) / (self.high - self.low))

    def rows(self) -> Iterator[tuple[float, str]]:
        steps = round((self.high - self.low) / 0.05)
        for step in range(0, steps + 1, max(1, math.ceil(steps / 8))):
            value = self.low + 0.05 * step
            yield self.y(value), f"{value:.2f}"

    def columns(self) -> Iterator[tuple[float, str]]:
        for left in _COLUMNS:
            if left < self.least_left * 0.99:
                return
            yield self.x(left), f"{100 * left:g} %"


def _dot(scale: _Scale, name: str, point: ChartPoint) -> Dot:
    several = point.high > point.low
    spread = f", seeds {point.low:.4f} to {point.high:.4f}" if several else ""
    return Dot(
        x=scale.x(point.left),
        y=scale.y(point.mean),
        title=f"{name}: {100 * point.left:.2f} % left, {point.mean:.4f}{spread}",
        span=(scale.y(point.low), scale.y(point.high)) if several else None,
    )
