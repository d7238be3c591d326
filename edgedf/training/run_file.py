"""run.json: what a run is, and every point it has trained so far. Its schema is in docs/formats.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edgedf.errors import EdgedfError, TrainingError
from edgedf.files import canonical_json, parse_json, read_bytes, write_atomic
from edgedf.training.machine import Machine
from edgedf.training.plan import plan_points
from edgedf.training.recipe import Recipe
from edgedf.training.run_rules import COMPLETE, FORMAT_VERSION, RUNNING, RunRules
from edgedf.training.summary import REMEDY, summarize

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
    """One JSON row per ticket that exists, in the order of the plan, seed by seed.

    Raises TrainingError that names the file if a ticket is not the one that belongs there.
    """
    rows = []
    for seed in head.seeds:
        folder = seed_folder(run, head.seeds, seed)
        for point in plan_points(head.recipe):
            path = folder / point.path
            if path.exists():
                rows.append(_row(path, run, head, point.key(seed)))
    return rows


class _TicketRules(RunRules):
    """The rules of run.json, for a ticket on its way into it."""

    hint: ClassVar[str] = REMEDY


def _row(path: Path, run: Path, head: RunHead, planned: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a ticket that is what its name says, or TrainingError: any file can lie there.

    Args:
        planned: kind, round and seed that belong at `path`.
    """
    row = summarize(path)
    expected = {**planned, "fingerprint": head.dataset["fingerprint"], "recipe": head.recipe.settings()}
    found = row | {"recipe": _settings(row["recipe"])}
    for name, value in expected.items():
        if found[name] != value:
            what = f"its {name} is {str(found[name])[:40]!r}, expected {str(value)[:40]!r}"
            problem = f"is not a ticket of this run: {'its recipe is another' if name == 'recipe' else what}"
            raise TrainingError(problem, file=path, hint=REMEDY)
    for name in ("fingerprint", "recipe"):
        del row[name]
    row["ticket"] = path.relative_to(run).as_posix()
    _TicketRules(path).point(row, head.seeds, "lineage")
    return row


def _settings(recipe: Any) -> dict[str, Any] | None:
    """A recipe with every setting, also those an earlier version did not know; None if it is none."""
    try:
        return Recipe.from_json(recipe).settings()
    except EdgedfError:
        return None
