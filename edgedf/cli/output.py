"""What the verbs print: results to stdout, everything else to stderr, no bar where nobody watches."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from edgedf.errors import printable
from edgedf.files import canonical_text

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

# Width of tables that go to a file or pipe: wide enough that no cell is cut.
_PIPE_WIDTH = 240


def print_json(value: Any) -> None:
    """Print one JSON document to stdout: sorted keys, final newline, nothing before or after it.

    UTF-8 whatever the terminal speaks. Characters that would drive it, and the bytes of a file name that is
    not UTF-8, come as the escapes that JSON has for them. Raises ValueError on NaN or infinity, which JSON
    cannot carry; turn them into None first.
    """
    text = "".join(
        character if character.isprintable() or character == "\n" else _json_escape(character)
        for character in canonical_text(value)
    )
    click.echo(text.encode(), nl=False)


def _json_escape(character: str) -> str:
    # JSON's own escapes leave DEL as it is.
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"


def clean(text: object) -> str:
    """`printable` text of anything: a received bundle must not drive the terminal."""
    return printable(str(text))


def show_line(message: object) -> None:
    """Print one line of a result to stdout, cleaned."""
    click.echo(clean(message))


def say(message: str) -> None:
    """Print a line for a person that is not a result (what was written where, what is going on) to stderr."""
    click.echo(clean(message), err=True)


def warn(message: str) -> None:
    """Print one `warning:` line to stderr."""
    click.echo(f"warning: {clean(message)}", err=True)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Iterable[str] = (),
) -> None:
    """Print a table to stdout.

    Args:
        columns: headings.
        rows: one sequence of cells per row; None prints as "-".
        title: a line above the table.
        right: headings of the columns that hold numbers and are aligned right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numbers = set(right)
    # Titles and cells are Text, not markup: a file named "[red]x" must print as it is.
    table = Table(box=SIMPLE_HEAD, title=None if title is None else Text(clean(title), style="bold"))
    table.title_justify = "left"
    for column in columns:
        table.add_column(
            Text(clean(column)), justify="right" if column in numbers else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text("-" if cell is None else clean(cell)) for cell in row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=_PIPE_WIDTH, highlight=False, color_system=None).print(table)
    click.echo("\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip()) + "\n")


@dataclass(frozen=True, slots=True)
class Bar:
    """Moves a progress bar; does nothing where there is none."""

    _progress: RichProgress | None = None
    _task: TaskID | None = None

    def update(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Set the work done so far, and optionally the total and a short note beside the bar."""
        if self._progress is None or self._task is None:
            return
        changes: dict[str, Any] = {} if total is None else {"total": total}
        if note is not None:
            changes["note"] = note
        self._progress.update(self._task, completed=done, **changes)

    def advance(self, amount: float = 1.0) -> None:
        """Add to the work done so far."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, amount)


@contextlib.contextmanager
def progress_bar(label: str, *, total: float | None = None) -> Iterator[Bar]:
    """A bar on stderr while the block runs; silent when stderr is not a terminal.

    Args:
        label: what is being done, a few words.
        total: units of work, or None while it is not known.
    """
    if not sys.stderr.isatty():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        yield Bar(progress, progress.add_task(label, total=total, note=""))


def human_bytes(size: int) -> str:
    """A size for a person, exact below 10 kB: "345 B", "12.3 kB", "46.8 MB" (1 kB = 1000 B)."""
    if size < 10_000:
        return f"{size:,} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if size < 1000 * scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e9:.2f} GB"
