"""Which file names a bundle may hold: names that mean the same file on every system an app is built on."""

from __future__ import annotations

from collections.abc import Iterable

# Where `edgedf build` puts the bundle of the ticket that a run chose, inside the run.
RUN_BUNDLE = "bundle.edgedf"
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
# Device names that Windows opens instead of a file, whatever their extension.
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10))]
)
MAX_PATH = 200
MAX_DEPTH = 12


def path_problem(path: str) -> str | None:
    """What is wrong with a path below a bundle, or None if it is fine.

    A good path is relative, POSIX, made of ASCII letters, digits, '.', '_' and '-', at most MAX_PATH long,
    never leaves the bundle, and has no part that Windows would read as another name.
    """
    parts = path.split("/")
    if not path or len(path) > MAX_PATH or len(parts) > MAX_DEPTH or "" in parts:
        return "is not a plain relative path"
    if any(part in (".", "..") for part in parts):
        return "leaves the bundle"
    if any(set(part) - _CHARACTERS for part in parts):
        return "holds characters beyond letters, digits, '.', '_' and '-'"
    if any(part.endswith(".") or part.split(".")[0].lower() in _RESERVED for part in parts):
        return "means another file on Windows"
    return None


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """The first two paths that cannot live side by side on every system, or None.

    Equal paths, paths that differ only by upper and lower case, and a file that another path needs as folder.
    """
    seen: dict[str, str] = {}
    ordered = sorted(paths)
    for path in ordered:
        folded = path.lower()
        if folded in seen:
            return seen[folded], path
        seen[folded] = path
    for path in ordered:
        parts = path.lower().split("/")
        for depth in range(1, len(parts)):
            if (parent := "/".join(parts[:depth])) in seen:
                return seen[parent], path
    return None
