"""The choice of the ticket that a run stands for: on validation only, by a rule stated before training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def choose(points: Sequence[Mapping[str, Any]], *, seed: int, keep_accuracy: float) -> Mapping[str, Any]:
    """The sparsest IMP round of `seed` that keeps `keep_accuracy` of the dense validation accuracy.

    `points` are rows of run.json with at least the dense round. Test figures are never looked at.
    The dense round itself qualifies, so there is always an answer.
    """
    rounds = [p for p in points if p["kind"] == "imp" and p["seed"] == seed]
    dense = next(p for p in rounds if p["round"] == 0)
    least = keep_accuracy * dense["metrics"]["validation"]["accuracy"]
    good = [p for p in rounds if p["metrics"]["validation"]["accuracy"] >= least]
    return max(good, key=lambda p: (p["sparsity"], p["round"]))
