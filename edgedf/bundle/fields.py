"""Strict conversion of a bundle's JSON: `edgedf.fields` with a bundle's error and its paths."""

from __future__ import annotations

from typing import Any, ClassVar

from edgedf import fields
from edgedf.bundle.paths import path_problem
from edgedf.errors import BundleError, EdgedfError


class FieldReader(fields.FieldReader):
    """Fields of a manifest or a golden index; raises BundleError."""

    error: ClassVar[type[EdgedfError]] = BundleError
    hint: ClassVar[str] = "build the bundle again"

    def path(self, value: Any, at: str) -> str:
        """A relative POSIX path that stays below the bundle."""
        text = self.text(value, at)
        if problem := path_problem(text):
            raise self.bad(at, f"{text[:80]!r} {problem}")
        return text
