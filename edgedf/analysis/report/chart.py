"""A line chart as inline SVG: a quality measure over the share of weights that is left, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgedf.analysis.report.markup import Html, join, tag

WIDTH, HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 200, 16, 46


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One x of one series: share of weights left (0, 1], mean over seeds, lowest and highest seed."""

    left: float
    mean: float
    low: float
    high: float


def line_chart(series: Mapping[str, Sequence[ChartPoint]], *, label: str) -> Html:
    """The chart; `series` maps a name to its points. Colours are the page's classes s0, s1, ..."""
    points = [point for line in series.values() for point in line]
    if not points:
        return tag("p", "no points")
    frame = _Frame.around(points)
    parts = [_axes(frame, label)]
    ends = spread_labels([frame.y(line[-1].mean) for line in series.values() if line], HEIGHT - _BOTTOM)
    for number, (name, line) in enumerate((n, line) for n, line in series.items() if line):
        parts.append(_line(frame, name, line, f"s{number % 6}", ends[number]))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{label} over weights left",
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The mapping from values to places in the picture."""

    least_left: float
    low: float
    high: float

    @staticmethod
    def around(points: Sequence[ChartPoint]) -> _Frame:
        low = math.floor(20 * min(point.low for point in points)) / 20
        high = math.ceil(20 * max(point.high for point in points)) / 20
        least = min(min(point.left for point in points), 0.5)
        return _Frame(max(least, 1e-4), low, max(high, low + 0.05))

    def x(self, left: float) -> float:
        share = math.log(max(left, self.least_left)) / math.log(self.least_left)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _axes(frame: _Frame, label: str) -> Html:
    parts = []
    steps = round((frame.high - frame.low) / 0.05)
    every = max(1, math.ceil(steps / 8))
    for step in range(0, steps + 1, every):
        value = frame.low + 0.05 * step
        y = frame.y(value)
        parts.append(tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", f"{value:.2f}", x=_LEFT - 8, y=y + 4, text_anchor="end"))
    for left in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
        if left < frame.least_left * 0.99:
            break
        x, y = frame.x(left), HEIGHT - _BOTTOM
        parts.append(tag("line", x1=x, x2=x, y1=_TOP, y2=y, class_="grid"))
        parts.append(tag("text", f"{100 * left:g} %", x=x, y=y + 18, text_anchor="middle"))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(tag("text", "weights left", x=middle, y=HEIGHT - 8, text_anchor="middle"))
    turn = f"rotate(-90 14 {HEIGHT / 2})"
    parts.append(tag("text", label, x=14, y=HEIGHT / 2, text_anchor="middle", transform=turn))
    return join(parts)


def _line(frame: _Frame, name: str, line: Sequence[ChartPoint], style: str, label_y: float) -> Html:
    places = [(frame.x(point.left), frame.y(point.mean)) for point in line]
    path = " ".join(f"{x},{y}" for x, y in places)
    parts = [tag("polyline", points=path, class_="line")] if len(line) > 1 else []
    for point, (x, y) in zip(line, places, strict=True):
        if point.high > point.low:
            parts.append(
                tag("line", x1=x, x2=x, y1=frame.y(point.low), y2=frame.y(point.high), class_="range")
            )
        spread = f", seeds {point.low:.4f} to {point.high:.4f}" if point.high > point.low else ""
        title = tag("title", f"{name}: {100 * point.left:.2f} % left, {point.mean:.4f}{spread}")
        parts.append(tag("circle", title, cx=x, cy=y, r=3.5, class_="dot"))
    parts.append(tag("text", name, x=WIDTH - _RIGHT + 10, y=label_y + 4, class_="name"))
    x, y = places[-1]
    parts.append(tag("line", x1=x, y1=y, x2=WIDTH - _RIGHT + 7, y2=label_y, class_="leader"))
    return tag("g", *parts, class_=style)


def spread_labels(wanted: Sequence[float], lowest: float, gap: float = 16) -> list[float]:
    """Label heights as near as possible to the wanted ones, at least `gap` apart, none below `lowest`."""
    placed = dict.fromkeys(range(len(wanted)), 0.0)
    last = -math.inf
    for index in sorted(placed, key=lambda i: wanted[i]):
        last = max(wanted[index], last + gap)
        placed[index] = last
    overhang = max(0.0, last - lowest)
    return [placed[index] - overhang for index in range(len(wanted))]
