"""`edgedf show`: what is in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import human_bytes, print_json, print_table, show_line

if TYPE_CHECKING:
    from edgedf.analysis.describe import Description, Table

_TOP = "  "


@click.command()
@click.argument("file", type=ExistingPath)
@json_option
def command(file: Path, as_json: bool) -> None:
    """Show what a ticket, bundle or artifact holds.

    FILE is a ticket (.safetensors), a run folder, a bundle (folder or .zip), or one artifact of a bundle
    (.pte, .tflite, .mlpackage, .edgedfm). Everything is checked as it is read; a damaged file is an error.

    \b
    Examples:
      edgedf show runs/first/ticket.safetensors
      edgedf show runs/first/bundle.edgedf --json
    """
    from edgedf.analysis.describe import describe

    description = describe(file)
    if as_json:
        print_json(description.to_json())
    else:
        _print(description)


def _print(description: Description) -> None:
    show_line(description.kind)
    for line in _lines(description.facts, indent=_TOP):
        show_line(line)
    for table in description.tables:
        if table.rows:
            print_table(table.columns, _cells(table), title=table.title, right=table.right)
    for note in description.notes:
        show_line(f"note: {note}")


def _lines(facts: Mapping[str, Any], indent: str) -> list[str]:
    """ "name  value" lines; a table in a fact becomes indented lines of its own."""
    lines = []
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' '):<22}"
        if value is None or value in ({}, [], ""):
            lines.append(f"{label} -")
        elif isinstance(value, Mapping):
            lines += [label.rstrip(), *_lines(value, indent + "  ")]
        elif isinstance(value, list | tuple):
            lines.append(f"{label} {', '.join(_text(item) for item in value)}")
        elif name in {"size", "size_zipped", "golden_size"} and indent == _TOP:
            lines.append(f"{label} {human_bytes(value)}")
        else:
            lines.append(f"{label} {_text(value)}")
    return lines


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cells(table: Table) -> list[list[str | None]]:
    """Numbers as people read them: thousands separated, six digits at most."""
    return [
        [_cell(column, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows
    ]


def _cell(column: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return f"{100 * value:.2f} %" if column == "sparsity" else f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
