"""Whole runs in tests: start one, read what it leaves, stop it again and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgedf.training.machine import prepare_machine
from edgedf.training.recipe import Recipe
from edgedf.training.run import RunOptions, train_run


def run_on_one_thread(
    faces: Path, out: Path, recipe: Recipe, seeds: tuple[int, ...] = (0,), **arguments: Any
) -> dict[str, Any]:
    machine = prepare_machine("cpu", 1)
    return train_run(
        RunOptions(data=faces, out=out, recipe=recipe, machine=machine, seeds=seeds), **arguments
    )


def run_bytes(run: Path) -> dict[str, bytes]:
    """Everything a run leaves, except the crop cache, which is no result."""
    files = [p for p in run.rglob("*") if p.is_file() and "cache" not in p.parts]
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in files}


def stopped_until_done(start: Callable[[Callable[..., None]], object], *, every: int) -> int:
    """Start a run again until it ends, stopping it at the `every`-th call of its hook; returns the stops."""
    stops = 0
    while True:
        calls = 0

        def stop(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls == every:
                # After the hook the step's checkpoint is not yet written: this step is lost and done again.
                raise KeyboardInterrupt

        try:
            start(stop)
            return stops
        except KeyboardInterrupt:
            stops += 1
            assert stops < 60
