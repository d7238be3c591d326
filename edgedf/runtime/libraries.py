"""Libraries that edgedf can do without: one that is missing or broken is a NotRunError with the remedy."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgedf.errors import NotRunError


def load(module: str, *, name: str, purpose: str, hint: str, file: Path | None = None) -> Any:
    """An imported module.

    Args:
        module: its full import name.
        name: the library's name for people.
        purpose: what needs it, for the message: "reading videos".
        hint: how to install it.
        file: what it is needed for, if it is a file.

    Raises NotRunError if it is not installed, or is installed but cannot be loaded: a system library such as
    libGL.so.1 is missing, it was built for another processor or numpy, or a package of its own is missing.
    """
    try:
        return import_module(module)
    except Exception as error:  # what a broken library raises at import has no list
        if is_missing(module, error):
            raise NotRunError(f"{purpose} needs {name}", file=file, hint=hint) from error
        problem = f"{purpose} needs {name}, which {broken(error)}"
        raise NotRunError(problem, file=file, hint=f"reinstall it, or what it misses: {hint}") from error


def is_missing(module: str, error: Exception) -> bool:
    """Whether an import failed because the module or a parent of it is not there at all."""
    if not isinstance(error, ModuleNotFoundError):
        return False
    return error.name is None or f"{module}.".startswith(f"{error.name}.")


def broken(error: Exception) -> str:
    """ "is installed but cannot be loaded (reason)", for messages."""
    lines = str(error).strip().splitlines()
    return f"is installed but cannot be loaded ({lines[0][:200] if lines else type(error).__name__})"


def known_version(distribution: str, module: str) -> str:
    """The version of a loaded library, for reports; a frozen app may carry none of the usual metadata."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return str(getattr(sys.modules.get(module.partition(".")[0]), "__version__", "of unknown version"))
