"""HTML as text: every string that comes from a file or a user is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe to place into a page as it is."""

    text: str


Part = Html | str | int | float | None


def join(parts: Iterable[Part]) -> Html:
    """Parts one after the other; plain values are escaped, None is nothing."""
    return Html("".join(part.text if isinstance(part, Html) else _plain(part) for part in parts))


def tag(name: str, *parts: Part, **attributes: str | float) -> Html:
    """`<name attributes>parts</name>`; `class_` stands for class, other underscores become hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{written}>{join(parts).text}</{name}>")


def table(columns: Sequence[str], rows: Iterable[Sequence[Part]], *, numbers: Iterable[str] = ()) -> Html:
    """A table in a box that scrolls sideways; columns named in `numbers` are aligned right."""
    right = set(numbers)

    def cell(kind: str, column: str, value: Part) -> Html:
        shown = "–" if value is None else value
        return tag(kind, shown, class_="number") if column in right else tag(kind, shown)

    head = tag("tr", *(cell("th", column, column) for column in columns))
    body = (
        tag("tr", *(cell("td", column, value) for column, value in zip(columns, row, strict=True)))
        for row in rows
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")


def section(title: str, *parts: Part) -> Html:
    """A titled section."""
    return tag("section", tag("h2", title), *parts)


def _plain(value: str | int | float | None) -> str:
    return "" if value is None else escape(str(value), quote=True)
