"""`edgedf.toml`: the defaults of one working folder.

    ticket = "runs/first/ticket.safetensors"
    bundle = "runs/first/bundle.edgedf"

Paths are relative to the file. Both keys are optional; unknown keys are errors.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from edgedf.bundle.paths import RUN_BUNDLE
from edgedf.errors import UsageError
from edgedf.files import read_bytes

CONFIG_NAME = "edgedf.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What edgedf.toml says: the ticket to build from, the bundle to detect with; None where it is silent."""

    ticket: Path | None = None
    bundle: Path | None = None


def read_config(folder: Path | None = None) -> Config:
    """The settings in `folder` (default: the working folder); an absent file is an empty one.

    Raises UsageError on bad TOML, an unknown key or a value that is not a text.
    """
    folder = Path() if folder is None else folder
    path = folder / CONFIG_NAME
    if not path.exists():
        return Config()
    try:
        values = tomllib.loads(read_bytes(path, max_bytes=1 << 20).decode())
    # tomllib's own error is a ValueError, as is that of a number of 5,000 digits; deep nesting is the other.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"is not valid TOML ({str(error)[:200]})", file=path) from error
    known = {field.name for field in fields(Config)}
    for key, value in values.items():
        if key not in known:
            allowed = ", ".join(sorted(known))
            raise UsageError("unknown key", file=path, field=key[:60], hint=f"known keys: {allowed}")
        if not isinstance(value, str) or not value or "\0" in value:
            hint = f'write {key} = "PATH"'
            raise UsageError("is not a path in quotes", file=path, field=key, hint=hint)
    return Config(**{key: folder / value for key, value in values.items()})


def default_bundle() -> Path:
    """The bundle to use when none is named: `bundle` in edgedf.toml, else the only *.edgedf folder here.

    Raises UsageError with the remedy if there is none, or more than one.
    """
    configured = read_config().bundle
    if configured is not None:
        return configured
    found = sorted(path for path in Path().glob("*.edgedf") if path.is_dir())
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} bundles in this folder" if found else "no bundle named, and none in this folder"
    hint = "name one with --bundle, or as `bundle` in edgedf.toml"
    raise UsageError(problem, field="--bundle", hint=hint if found else f"{hint}; `edgedf build` makes one")


def named_bundle(path: Path | None) -> Path:
    """The bundle a user means: `path`, the bundle inside it if it is a run, the default one if None."""
    if path is None:
        return default_bundle()
    inside = path / RUN_BUNDLE
    return inside if inside.is_dir() and not (path / "manifest.json").exists() else path
