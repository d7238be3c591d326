"""Plain JSON: values that may be printed on a terminal and written back, whatever file they came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedf.errors import EdgedfError

MAX_DEPTH = 16
MAX_TEXT = 10_000


def check_plain(
    value: Any, at: str, *, file: str | Path, error: type[EdgedfError], depth: int = MAX_DEPTH
) -> None:
    """Raise `error` naming the field unless `value` is plain.

    Printable texts of at most MAX_TEXT characters, finite numbers of at most 64 bits, tables and lists nested
    at most `depth` deep.
    """
    problem = _problem(value, depth)
    if problem is not None:
        raise error(problem, file=file, field=at)
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_plain(item, f"{at}.{key[:60]}" if at else key[:60], file=file, error=error, depth=depth - 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_plain(item, f"{at}[{index}]", file=file, error=error, depth=depth - 1)


def text_problem(value: Any, most: int = MAX_TEXT) -> str | None:
    """What keeps `value` from being a text of at most `most` printable characters, or None."""
    if not isinstance(value, str) or len(value) > most:
        return f"is not a text of at most {most}"
    # Lone surrogates cannot be written back, control characters can drive a terminal.
    if all(character.isprintable() or character in "\n\t" for character in value):
        return None
    return "is not a text of printable characters"


def _problem(value: Any, depth: int) -> str | None:
    """What is wrong with `value` itself, its items aside."""
    if depth <= 0:
        return f"is not nested at most {MAX_DEPTH} deep"
    match value:
        case None | bool() | list() | tuple():
            return None
        case str():
            return text_problem(value)
        case int():
            return None if -(1 << 63) <= value < 1 << 64 else "is not a number of at most 64 bits"
        case float():
            return None if math.isfinite(value) else "is not a finite number"
        case Mapping():
            return next((problem for key in value if (problem := text_problem(key))), None)
    return f"holds a {type(value).__name__}, not plain JSON"
