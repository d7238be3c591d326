"""IMP against its controls, seed by seed: differences that share the data, the order and the start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgedf.training.plan import IMP

DENSE = "dense"
METRICS = ("accuracy", "auc")
# The interval of two pairs rests on one degree of freedom: equal by chance, they would claim certainty.
FEWEST_PAIRS = 3
# Gaps of means over whole numbers of pictures: what differs by less was rounded.
_NO_SPREAD = 1e-12
# What a reader of the differences must know; goes with them wherever they are shown.
CAVEATS = (
    "An interval covers the seeds only: all of them share one test set, and no comparison is corrected for "
    "the others.",
    "Networks differ in the epochs spent on them: dense has fewer than any IMP ticket, and of the controls "
    "only oneshot and dense-long (equal total budget) may use as many.",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far IMP's ticket is ahead of one other network, on the test split.

    Attributes:
        against: "dense", or the kind of a control.
        round: IMP's pruning round; a control is trained beside it.
        sparsity: of IMP's ticket, mean over seeds, 0..1.
        metric: one of METRICS.
        seeds: number of pairs.
        mean: mean of (IMP - other); above 0 is in favour of IMP.
        low, high: 95% interval of the mean by Student's t over the pairs; None with fewer than three pairs
            or where all of them are equal, which says nothing about the spread of other seeds.
        gaps: IMP - other of each pair.
    """

    against: str
    round: int
    sparsity: float
    metric: str
    seeds: int
    mean: float
    low: float | None
    high: float | None
    gaps: tuple[float, ...]

    def span(self, digits: int) -> str:
        """A few words on the spread: the interval, or why there is none, and the pairs where they are two."""
        if self.low is not None:
            return f"{self.low:+.{digits}f} to {self.high:+.{digits}f}"
        if self.seeds < FEWEST_PAIRS:
            return f"no interval; seeds: {', '.join(f'{gap:+.{digits}f}' for gap in self.gaps)}"
        return f"no interval: all {self.seeds} seeds differ alike"

    def to_json(self) -> dict[str, Any]:
        """The fields as they are, JSON-ready."""
        return asdict(self)


def paired_differences(points: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Every comparison that the points of a run allow, by round, each metric in turn.

    Only seeds that have both networks count. All points of a seed start from the same weights and see the
    same images in the same order, so the pairs differ by the method alone, and the spread between seeds
    that both share drops out.

    Args:
        points: rows of run.json.
    """
    by_key = {(p["kind"], p["round"], p["seed"]): p for p in points}
    found = []
    for number, against in _comparisons(points):
        kind, other = (IMP, 0) if against == DENSE else (against, number)
        pairs = [
            (mine, by_key[kind, other, seed])
            for (name, round_, seed), mine in by_key.items()
            if (name, round_) == (IMP, number) and (kind, other, seed) in by_key
        ]
        found += [_difference(pairs, against, number, metric) for metric in METRICS if pairs]
    return found


def _comparisons(points: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """(round, against) in the order of the rounds: dense first, then controls by name."""
    rounds = {p["round"] for p in points if p["kind"] == IMP and p["round"] > 0}
    controls = {(p["round"], p["kind"]) for p in points if p["kind"] != IMP}
    wanted = {(number, DENSE) for number in rounds} | {c for c in controls if c[0] in rounds}
    return sorted(wanted, key=lambda c: (c[0], c[1] != DENSE, c[1]))


def _difference(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], against: str, number: int, metric: str
) -> Difference:
    gaps = [float(a["metrics"]["test"][metric]) - float(b["metrics"]["test"][metric]) for a, b in pairs]
    mean = math.fsum(gaps) / len(gaps)
    half = _half_width(gaps, mean)
    return Difference(
        against=against,
        round=number,
        sparsity=math.fsum(float(a["sparsity"]) for a, _ in pairs) / len(pairs),
        metric=metric,
        seeds=len(gaps),
        mean=mean,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        gaps=tuple(gaps),
    )


def _half_width(gaps: Sequence[float], mean: float) -> float | None:
    """Half the 95% interval of the mean of independent differences (Student 1908); None where it has none."""
    if len(gaps) < FEWEST_PAIRS or max(gaps) - min(gaps) < _NO_SPREAD:
        return None
    from scipy.special import stdtrit

    variance = math.fsum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    return float(stdtrit(len(gaps) - 1, 0.975)) * math.sqrt(variance / len(gaps))
