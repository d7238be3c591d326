"""Whether a run's networks tell fake from real at all: said before anything about their size and speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgedf.training.metrics import near_chance


def weak_detectors(run: Mapping[str, Any]) -> str:
    """A sentence where the dense network or the chosen ticket is close to guessing on validation, else ""."""
    weak = {name: auc for name, auc in _validation_aucs(run) if near_chance(auc)}
    if not weak:
        return ""
    figures = " and ".join(f"{auc:.3f}" for auc in weak.values())
    names = " and ".join(weak)
    tell = "tells" if len(weak) == 1 else "tell"
    return (
        f"{names[0].upper()}{names[1:]} hardly {tell} fake from real (AUC {figures} on validation, chance is "
        "0.5): nothing on this page says that they are of use."
    )


def _validation_aucs(run: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Of the first seed's dense network and of the chosen ticket, which is the same seed's."""
    chosen = (run.get("chosen") or {}).get("ticket")
    for point in run["points"]:
        auc = point["metrics"].get("validation", {}).get("auc")
        if auc is None or point["seed"] != run["seeds"][0]:
            continue
        if point["kind"] == "imp" and point["round"] == 0:
            yield "the dense network", float(auc)
        elif point.get("ticket") == chosen:
            yield "the chosen ticket", float(auc)
