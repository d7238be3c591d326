"""Range checks of recipe fields: one wording for every bad value."""

from __future__ import annotations

import itertools
import math
from typing import Any

from edgedf.errors import UsageError


def check_integer(field: str, value: Any, low: int, high: int, *, multiple: int = 1) -> None:
    """Raise UsageError unless `value` is an int (not a bool) in low..high, and a multiple of `multiple`."""
    right = isinstance(value, int) and not isinstance(value, bool)
    if not right or not low <= value <= high or value % multiple:
        expected = "an integer" if multiple == 1 else f"a multiple of {multiple}"
        raise UsageError(f"is {str(value)[:40]}, expected {expected} in {low}..{high}", field=field)


def check_number(field: str, value: Any, low: float, high: float, *, open_high: bool = False) -> None:
    """Raise UsageError unless `value` is a finite number in low..high (below high with `open_high`)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"is {str(value)[:40]}, expected a number", field=field)
    if not low <= value <= high or (open_high and value == high):
        end = f"below {high:g}" if open_high else f"{high:g}"
        raise UsageError(f"is {value:g}, expected a number from {low:g} to {end}", field=field)


def check_choice(field: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `known`."""
    if value not in known:
        raise UsageError(f"is {str(value)[:40]!r}, expected one of {', '.join(known)}", field=field)


def check_sparsities(field: str, values: tuple[float, ...], *, rising: bool) -> None:
    """Raise UsageError unless all `values` are shares in (0, 1), each above the one before with `rising`."""
    for value in values:
        check_number(field, value, 1e-6, 1.0, open_high=True)
    if rising and any(b <= a for a, b in itertools.pairwise(values)):
        raise UsageError(f"{list(values)} does not rise", field=field)
