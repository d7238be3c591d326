"""A line chart as inline SVG: milliseconds on a log scale over the share of weights that are zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgedf.analysis.report.chart import spread_labels
from edgedf.analysis.report.markup import Html, join, tag
from edgedf.analysis.sweep import SweepPoint

WIDTH, HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 16, 46


def latency_chart(lines: Mapping[str, Sequence[SweepPoint]], *, label: str) -> Html:
    """The chart; `lines` maps an engine to its points, by sparsity. Bars span the 10th to 90th percentile."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return tag("p", "no points")
    scale = _Scale.around(points)
    ends = spread_labels([scale.y(line[-1].median) for line in lines.values() if line], HEIGHT - _BOTTOM)
    drawn = [
        _line(scale, name, line, f"s{number % 6}", ends[number])
        for number, (name, line) in enumerate((n, line) for n, line in lines.items() if line)
    ]
    return tag(
        "svg",
        _axes(scale),
        *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{label}: milliseconds over weights that are zero",
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places; low and high are exponents of ten."""

    low: float
    high: float

    @staticmethod
    def around(points: Sequence[SweepPoint]) -> _Scale:
        low = math.log10(min(point.low for point in points))
        high = math.log10(max(point.high for point in points))
        return _Scale(low - 0.08, max(high, low + 0.3) + 0.08)

    def x(self, sparsity: float) -> float:
        return round(_LEFT + sparsity * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, milliseconds: float) -> float:
        share = (math.log10(milliseconds) - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times powers of ten inside the picture."""
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        values = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
        return [value for value in values if self.low <= math.log10(value) <= self.high]


def _axes(scale: _Scale) -> Html:
    parts = []
    for value in scale.ticks():
        y = scale.y(value)
        parts.append(tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", f"{value:g}", x=_LEFT - 8, y=y + 4, text_anchor="end"))
    for percent in range(0, 101, 10):
        x, y = scale.x(percent / 100), HEIGHT - _BOTTOM
        parts.append(tag("line", x1=x, x2=x, y1=_TOP, y2=y, class_="grid"))
        parts.append(tag("text", f"{percent} %", x=x, y=y + 18, text_anchor="middle"))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(tag("text", "weights that are zero", x=middle, y=HEIGHT - 8, text_anchor="middle"))
    turn = f"rotate(-90 14 {HEIGHT / 2})"
    parts.append(tag("text", "milliseconds", x=14, y=HEIGHT / 2, text_anchor="middle", transform=turn))
    return join(parts)


def _line(scale: _Scale, name: str, line: Sequence[SweepPoint], style: str, label_y: float) -> Html:
    places = [(scale.x(point.sparsity), scale.y(point.median)) for point in line]
    path = " ".join(f"{x},{y}" for x, y in places)
    parts = [tag("polyline", points=path, class_="line")] if len(line) > 1 else []
    for point, (x, y) in zip(line, places, strict=True):
        low, high = scale.y(point.low), scale.y(point.high)
        parts.append(tag("line", x1=x, x2=x, y1=low, y2=high, class_="range"))
        title = (
            f"{name}: {point.sparsity:.0%} zero, {point.median:.3g} ms ({point.low:.3g} to {point.high:.3g})"
        )
        parts.append(tag("circle", tag("title", title), cx=x, cy=y, r=3.5, class_="dot"))
    x, y = places[-1]
    parts.append(tag("text", name, x=WIDTH - _RIGHT + 10, y=label_y + 4, class_="name"))
    parts.append(tag("line", x1=x, y1=y, x2=WIDTH - _RIGHT + 7, y2=label_y, class_="leader"))
    return tag("g", *parts, class_=style)
