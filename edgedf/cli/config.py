"""`edgedf.toml`: the defaults of one working folder.

    ticket = "runs/first/ticket.safetensors"
    bundle = "runs/first/bundle.edgedf"

Paths are relative to the file; the bundle may be a run with one in it. Both keys are optional; unknown keys
are errors.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgedf.bundle.manifest import MANIFEST_NAME
from edgedf.bundle.paths import RUN_BUNDLE
from edgedf.errors import UsageError
from edgedf.files import read_bytes

CONFIG_NAME = "edgedf.toml"
KEYS = ("bundle", "ticket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What edgedf.toml says.

    Attributes:
        file: the file, there or not.
        paths: by key; keys that it is silent about are absent.
    """

    file: Path
    paths: Mapping[str, Path]

    @property
    def ticket(self) -> Path | None:
        """The ticket or run to build from, None if unsaid. Raises UsageError if nothing is there."""
        path = self.paths.get("ticket")
        if path is not None and not path.exists():
            raise self.wrong("ticket", "where there is nothing")
        return path

    @property
    def bundle(self) -> Path | None:
        """The bundle to detect with, and where a build puts it; None if unsaid."""
        return self.paths.get("bundle")

    def wrong(self, key: str, problem: str) -> UsageError:
        """The error for a path that is not what its key says."""
        hint = f"correct `{key}` in {self.file}, or name another on the command line"
        return UsageError(f"names {self.paths[key]}, {problem}", file=self.file, field=key, hint=hint)


def read_config(folder: Path | None = None) -> Config:
    """The settings in `folder` (default: the working folder); an absent file is an empty one.

    Raises UsageError on bad TOML, an unknown key or a value that is not a text.
    """
    folder = Path() if folder is None else folder
    path = folder / CONFIG_NAME
    if not path.exists():
        return Config(file=path, paths={})
    try:
        values = tomllib.loads(read_bytes(path, max_bytes=1 << 20).decode())
    # tomllib's own error is a ValueError, as is that of a number of 5,000 digits; deep nesting is the other.
    except (ValueError, RecursionError) as error:
        problem = f"is not valid TOML ({str(error)[:200]})"
        raise UsageError(problem, file=path, hint=f'write lines such as {KEYS[0]} = "PATH"') from error
    for key, value in values.items():
        if key not in KEYS:
            hint = f"known keys: {', '.join(KEYS)}"
            raise UsageError("unknown key", file=path, field=key[:60], hint=hint)
        if not isinstance(value, str) or not value or "\0" in value:
            hint = f'write {key} = "PATH"'
            raise UsageError("is not a path in quotes", file=path, field=key, hint=hint)
    return Config(file=path, paths={key: folder / value for key, value in values.items()})


def named_bundle(path: Path | None, option: str = "") -> Path:
    """The bundle a user means: `path`, the bundle inside it if it is a run, the default one if None.

    Args:
        path: what was named on the command line, if anything.
        option: the option that takes it, "" where it is the verb's argument.

    Raises UsageError with the remedy where none is named and there is no default.
    """
    return default_bundle(option) if path is None else _inside(path)


def default_bundle(option: str = "") -> Path:
    """The bundle to use when none is named: `bundle` in edgedf.toml, else the only *.edgedf folder here.

    Raises UsageError if that key names no bundle; and if there is none, or more than one.
    """
    config = read_config()
    if config.bundle is not None:
        return _configured(config, config.bundle)
    found = sorted(path for path in Path().glob("*.edgedf") if path.is_dir())
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} bundles in this folder" if found else "no bundle named, and none in this folder"
    hint = f"name one {f'with {option}' if option else 'after the verb'}, or as `bundle` in {CONFIG_NAME}"
    if not found:
        hint = f"{hint}; `edgedf build` makes one"
    raise UsageError(problem, field=option or "BUNDLE", hint=hint)


def _configured(config: Config, path: Path) -> Path:
    """The bundle at a path from edgedf.toml. Raises UsageError that names the file if there is none."""
    bundle = _inside(path)
    if not bundle.exists():
        raise config.wrong("bundle", "where there is nothing")
    if bundle.is_dir() and not (bundle / MANIFEST_NAME).exists():
        raise config.wrong("bundle", "which is no bundle and holds none")
    return bundle


def _inside(path: Path) -> Path:
    """The bundle of the run at `path`, else `path`."""
    inside = path / RUN_BUNDLE
    return inside if inside.is_dir() and not (path / MANIFEST_NAME).exists() else path
