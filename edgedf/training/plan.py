"""The plan of a run: every point that will be trained, in order, known before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgedf.errors import TrainingError
from edgedf.training.recipe import Recipe
from edgedf.training.trainer import Span

IMP = "imp"
DENSE_LONG = "dense-long"


@dataclass(frozen=True, slots=True)
class Point:
    """One network to train.

    Attributes:
        kind: "imp" (round 0 is the dense network) or one of recipe.CONTROLS.
        round: pruning round that it is compared with.
        sparsity: of that round, as the recipe asks for: share of prunable weights that are zero. A
            "dense-long" network prunes none; it has that round's budget.
    """

    kind: str
    round: int
    sparsity: float

    @property
    def path(self) -> str:
        """Where its ticket lies, relative to the seed's folder."""
        if self.kind == IMP:
            return f"tickets/round-{self.round:02d}.safetensors"
        return f"controls/{self.kind}-{self.round:02d}.safetensors"

    @property
    def label(self) -> str:
        """A few words for a person."""
        if self.round == 0:
            return "dense"
        if self.kind == DENSE_LONG:
            return f"dense as long as {100 * self.sparsity:.1f}%"
        return f"{self.kind} {100 * self.sparsity:.1f}%"

    def key(self, seed: int) -> dict[str, Any]:
        """What a checkpoint of this point is filed under."""
        return {"kind": self.kind, "round": self.round, "seed": seed}


def plan_points(recipe: Recipe) -> tuple[Point, ...]:
    """Dense, every IMP round, then the controls by round; a pure function of the recipe."""
    targets = recipe.targets
    points = [Point(IMP, 0, 0.0)]
    points += [Point(IMP, number, sparsity) for number, sparsity in enumerate(targets, 1)]
    for number in control_rounds(recipe):
        points += [Point(kind, number, targets[number - 1]) for kind in recipe.controls]
    return tuple(points)


def control_rounds(recipe: Recipe) -> tuple[int, ...]:
    """The first round that reaches each control sparsity, without repeats.

    Rounding is forgiven: half a percent of all weights, or a twentieth of those left if that is less.
    """
    found = {_first_round(recipe, wanted) for wanted in recipe.control_sparsities}
    return tuple(sorted(number for number in found if number is not None))


def missed_sparsities(recipe: Recipe) -> tuple[float, ...]:
    """The control sparsities that no round reaches, so that no control is trained there."""
    return tuple(wanted for wanted in recipe.control_sparsities if _first_round(recipe, wanted) is None)


def _first_round(recipe: Recipe, wanted: float) -> int | None:
    least = wanted - min(0.005, (1 - wanted) / 20)
    return next((number for number, sparsity in enumerate(recipe.targets, 1) if sparsity >= least), None)


def equalled_rounds(point: Point) -> range:
    """IMP's rounds whose epochs a control may spend in one schedule of its own; empty for other kinds.

    "oneshot" builds on the dense network, so it has the rounds after it; "dense-long" builds on nothing.
    """
    first = {"oneshot": 1, DENSE_LONG: 0}.get(point.kind)
    return range(0) if first is None else range(first, point.round + 1)


def span_of(point: Point, recipe: Recipe, spent: int) -> Span:
    """The part of the schedule that a point is trained over.

    Dense and "reinit" run the whole schedule; "dense-long" runs one from the start that is as long as IMP was
    trained in all. Rounds and "random" start at the rewind epoch, whether weights
    go back with the learning rate or not, or, when nothing is rewound, run the schedule again at the
    fine-tuning rate. "oneshot-round" has one round's length; "oneshot" has as many epochs as IMP spent on all
    rounds up to this one, in one longer schedule.

    Args:
        spent: epochs that IMP trained in `equalled_rounds`; used where there are any.
    """
    if equalled_rounds(point) and spent < 1:
        raise TrainingError(f"IMP has spent nothing that {point.kind} could equal", field="controls")
    if point.kind == DENSE_LONG:
        return Span(first=0, last=spent, peak=recipe.lr)
    if (point.kind == IMP and point.round == 0) or point.kind == "reinit":
        return Span(first=0, last=recipe.epochs, peak=recipe.lr)
    first = recipe.rewind or 0
    peak = recipe.lr if recipe.rewind is not None else recipe.lr * recipe.fine_tune
    if point.kind == "oneshot":
        return Span(first=first, last=first + spent, peak=peak)
    return Span(first=first, last=recipe.epochs, peak=peak)


def planned_epochs(recipe: Recipe) -> int:
    """Epochs of the whole plan for one seed if nothing stops early."""
    round_length = recipe.epochs - (recipe.rewind or 0)

    def planned(point: Point) -> int:
        spent = sum(round_length if number else recipe.epochs for number in equalled_rounds(point))
        return span_of(point, recipe, spent).epochs

    return sum(planned(point) for point in plan_points(recipe))
