"""The run folder's guard: no mixing with another run, with the data set, or with a person's own files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgedf.errors import FileError, TrainingError
from edgedf.os_errors import write_error
from edgedf.system import folder_lock
from edgedf.training.recipe import Recipe
from edgedf.training.run_file import RUN_NAME, RunHead, read_run

_OWN_FOLDERS = ("cache", "cache-wide", "tickets", "controls", "evaluation")
# What write_atomic and new_folder leave when they are killed.
_TEMPORARY = re.compile(
    r"\.(run\.json|.+\.safetensors|cache|cache-wide|evaluation)\.edgedf-\w+\.(tmp|new|old)"
)


def check_place(out: Path, data: Path) -> None:
    """A run never mixes with its pictures, with another run, nor with files that are not a run's."""
    run, pictures = out.resolve(), data.resolve()
    if run == pictures or run in pictures.parents or pictures in run.parents:
        problem = "and the data set lie in one another"
        raise TrainingError(problem, file=out, hint="choose a folder beside the data set")
    if (out / RUN_NAME).exists():
        return
    # What lies in a run's folder passes for a part of it: a ticket of the inner run for one of the outer.
    for parent in run.parents[:2]:
        if (parent / RUN_NAME).is_file():
            problem = f"lies inside another run, {parent}"
            raise TrainingError(problem, file=out, hint="choose a folder beside that run")
    if not out.is_dir():
        return
    # A run that was killed before its first run.json leaves these.
    started = ("cache", "cache-wide", "checkpoint.safetensors")
    names = sorted(path.name for path in out.iterdir())
    if strange := [name for name in names if name not in started and not _TEMPORARY.fullmatch(name)]:
        problem = f"is not empty and holds no run (it holds {strange[0]!r})"
        raise TrainingError(problem, file=out, hint="choose a new folder")


def check_same_run(out: Path, head: RunHead) -> None:
    """A folder with another run in it is never mixed with this one."""
    if not (out / RUN_NAME).exists():
        return
    before = read_run(out)
    before["recipe"] = Recipe.from_json(before["recipe"]).settings()
    now = {
        "recipe": head.recipe.settings(),
        "seeds": list(head.seeds),
        "dataset": dict(head.dataset),
        "machine": head.machine.to_json(),
    }
    for part, value in now.items():
        if before[part] != value:
            field, was, wanted = _first_difference(part, before[part], value)
            raise TrainingError(
                f"the run there was started with {was}, not {wanted}",
                file=out,
                field=field,
                hint="choose another --out, or start it with the settings it began with",
            )


def _first_difference(part: str, before: Any, now: Any) -> tuple[str, str, str]:
    if isinstance(before, dict) and isinstance(now, dict):
        # A recipe's name says more than the settings that came with it, a data set's less than its contents.
        names = sorted({*before, *now}, key=lambda n: (part != "recipe" or n != "name", n))
        name = next(n for n in names if before.get(n) != now.get(n))
        return f"{part}.{name}", str(before.get(name))[:80], str(now.get(name))[:80]
    return part, str(before)[:80], str(now)[:80]


@contextlib.contextmanager
def only_user(out: Path) -> Iterator[None]:
    """Hold the run folder for this process; the lock goes away with the process, however it ends."""
    if out.exists() and not out.is_dir():
        raise FileError("is not a folder", file=out, hint="choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(out, error) from error
    with folder_lock(out) as held:
        if not held and os.name == "posix":
            raise TrainingError("is being trained by another process", file=out)
        yield


def sweep(out: Path) -> None:
    """Remove the temporary files of a killed process; with the lock held they are nobody's.

    Only names that edgedf.files makes, only where a run writes: the folder may hold a user's files too.
    """
    folders = [out, *(path for path in out.rglob("*") if path.is_dir() and path.name in _OWN_FOLDERS)]
    for path in [path for folder in folders for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
