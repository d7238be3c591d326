"""Strict JSON: one reading of every file, and no value that breaks the code which uses it later."""

from __future__ import annotations

import json
import math
from typing import Any

# The deepest of edgedf's own files nests to 20 or so; beyond this a file is made to exhaust a stack.
MAX_NESTING = 64


def loads(data: bytes | str) -> Any:
    """The value of a JSON document. Raises ValueError that says what is wrong.

    UTF-8 without a byte order mark; no duplicate keys, NaN, infinity or number that a double holds only as
    infinity; integers of at most 64 bits; no lone surrogates; nested at most MAX_NESTING deep.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if isinstance(data, str):
            data.encode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short,
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_NESTING}") from None
    _check_tree(value)
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key[:60]!r} appears twice")
        result[key] = value
    return result


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _short(text: str) -> int:
    # The length goes first: Python takes quadratic time for long digits, and refuses very long ones.
    if len(text) > 20 or not -(1 << 63) <= int(text) < 1 << 64:
        raise ValueError(f"the integer {text[:40]} is beyond 64 bits")
    return int(text)


def _check_tree(value: Any) -> None:
    """Depth and texts of a parsed tree, level by level, without recursion."""
    level, depth = [value], 0
    while level:
        _check_texts([node for node in level if isinstance(node, str)])
        tables = [node for node in level if isinstance(node, dict)]
        lists = [node for node in level if isinstance(node, list)]
        depth += bool(tables or lists)
        if depth > MAX_NESTING:
            raise ValueError(f"nested deeper than {MAX_NESTING}")
        _check_texts([key for table in tables for key in table])
        level = [item for table in tables for item in table.values()]
        level += [item for items in lists for item in items]


def _check_texts(texts: list[str]) -> None:
    # UTF-8 cannot carry half a pair, but the escape \ud800 can: such a text fails when it is shown.
    try:
        "".join(texts).encode("utf-8")
    except UnicodeEncodeError:
        pass
    else:
        return
    raise ValueError("a text holds half a surrogate pair")
