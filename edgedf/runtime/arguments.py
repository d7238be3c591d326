"""Checks of what a program hands to the Detector: each mistake is one clear error, before anything runs."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from pathlib import Path

from edgedf.crop import Box
from edgedf.errors import CropError, UsageError
from edgedf.runtime.backend import MAX_THREADS
from edgedf.runtime.finders import GivenBoxes


def path_of(value: object, field: str) -> Path:
    """A path from text or any os.PathLike. Raises UsageError on anything else, bytes included."""
    try:
        return Path(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise UsageError(f"is a {_kind(value)}, expected a path", field=field) from error


def thread_count(threads: object) -> int:
    """A whole number in 1..MAX_THREADS, numpy's included. Raises UsageError on anything else."""
    try:
        number = 0 if isinstance(threads, bool) else operator.index(threads)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if not 1 <= number <= MAX_THREADS:
        raise UsageError(f"is {threads!r:.80}, expected a whole number, 1..{MAX_THREADS}", field="threads")
    return number


def check_finder(finder: object) -> None:
    """Raises UsageError unless `finder` is None or has a method `find`."""
    if finder is not None and not callable(getattr(finder, "find", None)):
        hint = "a finder is an object with find(image_hwc) -> tuple[Box, ...]"
        raise UsageError(f"is a {_kind(finder)}, which has no method find", field="finder", hint=hint)


def given_boxes(boxes: object) -> GivenBoxes:
    """A finder of boxes that the caller knows. Raises CropError unless they are a sequence of sound Boxes."""
    if isinstance(boxes, Box) or not isinstance(boxes, Iterable):
        hint = "put it into a list: boxes=[box]" if isinstance(boxes, Box) else None
        raise CropError(f"is a {_kind(boxes)}, expected a sequence of Boxes", field="boxes", hint=hint)
    return GivenBoxes(tuple(boxes))


def is_path(value: object) -> bool:
    """Whether a value is a path: text, or any os.PathLike."""
    return isinstance(value, str | os.PathLike)


def _kind(value: object) -> str:
    return type(value).__name__
