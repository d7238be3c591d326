"""What every line chart of the page shares: grid, axes, lines with dots and ranges, names at their ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgedf.analysis.report.markup import Html, join, tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A picture of `width` x `height` units and the margins around its grid; names stand in the right one."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int

    def x(self, share: float) -> float:
        """Place of a share 0..1 of the way from the left to the right."""
        return round(self.left + share * (self.width - self.left - self.right), 1)

    def y(self, share: float) -> float:
        """Place of a share 0..1 of the way from the bottom to the top."""
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One point: its place, the text that shows when it is pointed at, and the ends of its range, if any."""

    x: float
    y: float
    title: str
    span: tuple[float, float] | None = None


def picture(area: Area, axes: Html, lines: Mapping[str, Sequence[Dot]], *, label: str) -> Html:
    """The SVG; `lines` maps a name to its points. Colours are the page's classes s0, s1, ..."""
    drawn = {name: line for name, line in lines.items() if line}
    ends = spread_labels([line[-1].y for line in drawn.values()], area.height - area.bottom)
    parts = [
        _line(area, name, line, f"s{number % 6}", ends[number])
        for number, (name, line) in enumerate(drawn.items())
    ]
    view = f"0 0 {area.width} {area.height}"
    return tag("svg", axes, *parts, viewBox=view, role="img", aria_label=label)


def axes(
    area: Area,
    rows: Iterable[tuple[float, str]],
    columns: Iterable[tuple[float, str]],
    *,
    below: str,
    beside: str,
) -> Html:
    """Grid lines at (place, text) of rows and columns, and the names of both axes."""
    right, bottom = area.width - area.right, area.height - area.bottom
    parts = []
    for y, text in rows:
        parts.append(tag("line", x1=area.left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", text, x=area.left - 8, y=y + 4, text_anchor="end"))
    for x, text in columns:
        parts.append(tag("line", x1=x, x2=x, y1=area.top, y2=bottom, class_="grid"))
        parts.append(tag("text", text, x=x, y=bottom + 18, text_anchor="middle"))
    parts.append(tag("text", below, x=(area.left + right) / 2, y=area.height - 8, text_anchor="middle"))
    turn = f"rotate(-90 14 {area.height / 2})"
    parts.append(tag("text", beside, x=14, y=area.height / 2, text_anchor="middle", transform=turn))
    return join(parts)


def spread_labels(wanted: Sequence[float], lowest: float, gap: float = 16) -> list[float]:
    """Label heights as near as possible to the wanted ones, at least `gap` apart, none below `lowest`."""
    placed = dict.fromkeys(range(len(wanted)), 0.0)
    last = -math.inf
    for index in sorted(placed, key=lambda i: wanted[i]):
        last = max(wanted[index], last + gap)
        placed[index] = last
    overhang = max(0.0, last - lowest)
    return [placed[index] - overhang for index in range(len(wanted))]


def _line(area: Area, name: str, line: Sequence[Dot], style: str, label_y: float) -> Html:
    path = " ".join(f"{dot.x},{dot.y}" for dot in line)
    parts = [tag("polyline", points=path, class_="line")] if len(line) > 1 else []
    for dot in line:
        if dot.span is not None:
            low, high = dot.span
            parts.append(tag("line", x1=dot.x, x2=dot.x, y1=low, y2=high, class_="range"))
        parts.append(tag("circle", tag("title", dot.title), cx=dot.x, cy=dot.y, r=3.5, class_="dot"))
    right, last = area.width - area.right, line[-1]
    parts.append(tag("text", name, x=right + 10, y=label_y + 4, class_="name"))
    parts.append(tag("line", x1=last.x, y1=last.y, x2=right + 7, y2=label_y, class_="leader"))
    return tag("g", *parts, class_=style)
