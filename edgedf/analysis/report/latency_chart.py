"""A line chart as inline SVG: milliseconds on a log scale over the share of weights that are zero."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgedf.analysis.report.markup import Html, tag
from edgedf.analysis.report.plot import Area, Dot, axes, picture
from edgedf.analysis.sweep import SweepPoint

_AREA = Area(width=760, height=300, left=64, right=150, top=16, bottom=46)


def latency_chart(lines: Mapping[str, Sequence[SweepPoint]], *, label: str) -> Html:
    """The chart; `lines` maps an engine to its points, by sparsity. Bars span the 10th to 90th percentile."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return tag("p", "no points")
    scale = _Scale.around(points)
    columns = ((_AREA.x(percent / 100), f"{percent} %") for percent in range(0, 101, 10))
    grid = axes(_AREA, scale.rows(), columns, below="weights that are zero", beside="milliseconds")
    dots = {name: [_dot(scale, name, point) for point in line] for name, line in lines.items()}
    return picture(_AREA, grid, dots, label=f"{label}: milliseconds over weights that are zero")


@dataclass(frozen=True, slots=True)
class _Scale:
    """From milliseconds to places; low and high are exponents of ten."""

    low: float
    high: float

    @staticmethod
    def around(points: Sequence[SweepPoint]) -> _Scale:
        low = math.log10(min(point.low for point in points))
        high = math.log10(max(point.high for point in points))
        return _Scale(low - 0.08, max(high, low + 0.3) + 0.08)

    def y(self, milliseconds: float) -> float:
        return _AREA.y((math.log10(milliseconds) - self.low) / (self.high - self.low))

    def rows(self) -> Iterator[tuple[float, str]]:
        """1, 2 and 5 times powers of ten inside the picture."""
        for decade in range(math.floor(self.low), math.ceil(self.high) + 1):
            for value in (digit * 10.0**decade for digit in (1, 2, 5)):
                if self.low <= math.log10(value) <= self.high:
                    yield self.y(value), f"{value:g}"


def _dot(scale: _Scale, name: str, point: SweepPoint) -> Dot:
    spread = f"({point.low:.3g} to {point.high:.3g})"
    return Dot(
        x=_AREA.x(point.sparsity),
        y=scale.y(point.median),
        title=f"{name}: {point.sparsity:.0%} zero, {point.median:.3g} ms {spread}",
        span=(scale.y(point.low), scale.y(point.high)),
    )
