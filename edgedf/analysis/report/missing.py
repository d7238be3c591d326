"""What a report has to call NOT RUN: sentences from the run and from the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgedf.analysis.latency import Latency
from edgedf.bundle.manifest import Manifest
from edgedf.bundle.parity_record import stands_in
from edgedf.training.plan import missed_sparsities
from edgedf.training.recipe import Recipe


def missing_in_run(run: Mapping[str, Any] | None) -> list[str]:
    """What a run lacks; `run` is the checked document of run.json, or None where no run was given."""
    if run is None:
        return ["no training run was given: nothing about training, or how well the detector detects"]
    lines = _controls(Recipe.from_json(run["recipe"]))
    if run["status"] != "complete":
        lines.append("the training run is not complete: only its finished points are shown")
    return lines


def _controls(recipe: Recipe) -> list[str]:
    """Controls that were not asked for, or that no round was sparse enough for."""
    if not (recipe.controls and recipe.control_sparsities):
        return ["controls: the recipe asks for none, so IMP stands against the dense network alone"]
    kinds = ", ".join(recipe.controls)
    return [
        f"controls at {100 * sparsity:.6g} % ({kinds}): no round reaches that sparsity"
        for sparsity in missed_sparsities(recipe)
    ]


def missing_in_bundle(manifest: Manifest, latencies: Sequence[Latency]) -> list[str]:
    """Parity checks and timings that did not run."""
    lines = []
    for entry in manifest.artifacts:
        if entry.parity.not_run:
            lines.append(f"{entry.target}: parity checks {', '.join(entry.parity.not_run)}")
        if stands_in(entry.parity.runtime):
            lines.append(f"{entry.target}: real runtime; parity was measured with the {entry.parity.runtime}")
    lines += [f"{item.target}: latency; {item.not_run}" for item in latencies if item.not_run]
    return lines if latencies else [*lines, "latency: timing was switched off"]
