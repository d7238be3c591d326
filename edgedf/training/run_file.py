"""run.json: what a run is, and every point it has trained so far. Its schema is in docs/formats.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.errors import TrainingError
from edgedf.files import canonical_json, parse_json, read_bytes, write_atomic
from edgedf.training.machine import Machine
from edgedf.training.plan import plan_points
from edgedf.training.recipe import Recipe
from edgedf.training.run_rules import COMPLETE, FORMAT_VERSION, RUNNING, RunRules
from edgedf.training.summary import summarize

__all__ = ["COMPLETE", "RUNNING", "RUN_NAME", "RunHead", "points_of", "read_run", "seed_folder", "write_run"]

RUN_NAME = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """What must stay equal while a run is resumed.

    Attributes:
        recipe: all settings.
        seeds: one plan is trained for each; the first one's tickets are the run's own.
        dataset: name, fingerprint, description and images per split.
        machine: device and threads.
    """

    recipe: Recipe
    seeds: tuple[int, ...]
    dataset: Mapping[str, Any]
    machine: Machine


def seed_folder(run: Path, seeds: Sequence[int], seed: int) -> Path:
    """Where a seed's tickets lie: the run folder for the first, seeds/<seed> below it for the others."""
    return run if seed == seeds[0] else run / "seeds" / str(seed)


def write_run(
    run: Path,
    head: RunHead,
    *,
    status: str,
    chosen: Mapping[str, Any] | None,
    evaluation: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Write run.json from the tickets that are there; returns the document. It holds no times of day."""
    document = {
        "format_version": FORMAT_VERSION,
        "status": status,
        "recipe": head.recipe.to_json(),
        "seeds": list(head.seeds),
        "dataset": dict(head.dataset),
        "machine": head.machine.to_json(),
        "points": points_of(run, head),
        "chosen": None if chosen is None else dict(chosen),
        "evaluation": None if evaluation is None else dict(evaluation),
    }
    write_atomic(run / RUN_NAME, canonical_json(document))
    return document


def read_run(run: Path) -> dict[str, Any]:
    """The document of RUN/run.json, every field checked by `run_rules`.

    Raises TrainingError that names the field if it is damaged or of another version.
    """
    path = run / RUN_NAME
    document = parse_json(read_bytes(path, max_bytes=1 << 26), file=path, error=TrainingError)
    return RunRules(path).document(document)


def points_of(run: Path, head: RunHead) -> list[dict[str, Any]]:
    """One JSON row per ticket that exists, in the order of the plan, seed by seed."""
    rows = []
    for seed in head.seeds:
        folder = seed_folder(run, head.seeds, seed)
        for point in plan_points(head.recipe):
            path = folder / point.path
            if path.exists():
                rows.append(_row(path, run, head))
    return rows


def _row(path: Path, run: Path, head: RunHead) -> dict[str, Any]:
    row = summarize(path)
    if row.pop("fingerprint") != head.dataset["fingerprint"]:
        raise TrainingError(
            "is not a ticket of this run", file=path, hint="remove it, or choose another --out"
        )
    return row | {"ticket": path.relative_to(run).as_posix()}
