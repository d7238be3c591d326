"""Iterative magnitude pruning (Frankle and Carbin 2019), rewinding of the weights (Frankle et al. 2020) or of
the learning rate alone (Renda et al. 2020), and controls.

Every point ends as a ticket file, written whole. A point whose ticket is there is done, so a run that was
stopped anywhere goes on by running the same plan again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from edgedf.files import sha256_file
from edgedf.models import build_model, state_spec
from edgedf.ticket import Ticket, read_ticket
from edgedf.training.plan import DENSE_LONG, IMP, Point, equalled_rounds, plan_points, planned_epochs, span_of
from edgedf.training.pruning import Masks, apply_masks, dense_masks, prune, random_masks
from edgedf.training.schedule import derived_seed
from edgedf.training.state import State, load_tensors, read_state, save_tensors
from edgedf.training.summary import summarize
from edgedf.training.tickets import Outcome, write_point
from edgedf.training.trainer import Setting, train

if TYPE_CHECKING:
    from torch import nn

_REWIND = "rewind.safetensors"
_STREAM_RANDOM_MASK, _STREAM_REINIT = 5, 6
# Kinds that share no weights with IMP's rewind point.
_OWN_START = ("reinit", DENSE_LONG)

# Called with (epochs done of the whole plan, epochs planned, point under way, note).
OnPoint = Callable[[float, float, str, str], None]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a point's training starts: weights, masks, what was held by the floor, the parent's sha256."""

    weights: State
    masks: Masks
    held: tuple[str, ...]
    parent: str | None


def run_lottery(
    setting: Setting,
    folder: Path,
    *,
    dataset: Mapping[str, Any],
    on_point: OnPoint | None = None,
    on_ticket: Callable[[], None] | None = None,
) -> None:
    """Train every missing point of one seed's plan into `folder`.

    Args:
        dataset: goes into every ticket's lineage.
        on_ticket: called after each new ticket.
    Raises KeyboardInterrupt after saving when a stop was asked for, TrainingError, TicketError, FileError.
    """
    recipe = setting.recipe
    for name in ("tickets", "controls"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    total = float(planned_epochs(recipe))
    done = 0.0
    for point in plan_points(recipe):
        setting.stop.check()
        span = span_of(point, recipe, _spent(folder, point))
        if not (folder / point.path).exists():
            label = point.label

            def show(epochs: float, note: str, done: float = done, label: str = label) -> None:
                if on_point is not None:
                    on_point(done + epochs, total, label, note)

            _run_point(setting, folder, point, dataset, show)
            if on_ticket is not None:
                on_ticket()
        done += span.epochs
    setting.checkpoint.unlink(missing_ok=True)


def _run_point(
    setting: Setting,
    folder: Path,
    point: Point,
    dataset: Mapping[str, Any],
    show: Callable[[float, str], None],
) -> None:
    recipe = setting.recipe
    model = build_model(recipe.arch, recipe.arch_args, seed=setting.seed)
    start = _start(setting, folder, point, model)
    dense = point.kind == IMP and point.round == 0
    trained = train(
        setting,
        model,
        start.weights,
        start.masks,
        span_of(point, recipe, _spent(folder, point)),
        key=point.key(setting.seed),
        on_epoch=_keep_rewind_point(folder / _REWIND, recipe.rewind or 0) if dense else None,
        on_progress=show,
        no_stop_before=(recipe.rewind or 0) + 1 if dense else 0,
    )
    outcome = Outcome(
        point=point,
        weights=apply_masks(trained.state, start.masks),
        masks=start.masks,
        init=start.weights if point.kind in _OWN_START else load_tensors(folder / _REWIND)[0],
        held=start.held,
        parent=start.parent,
        trained=trained,
        spent=trained.epochs + _spent_before(folder, point),
    )
    write_point(folder / point.path, setting, outcome, dataset)


def _start(setting: Setting, folder: Path, point: Point, model: nn.Module) -> Start:
    """Weights and masks that a point starts from."""
    recipe = setting.recipe
    fresh = read_state(model)
    prunable = state_spec(recipe.arch, recipe.arch_args).prunable
    if point.kind == DENSE_LONG or (point.kind == IMP and point.round == 0):
        return Start(fresh, dense_masks({n: fresh[n] for n in prunable}), (), None)
    from_round = {IMP: point.round - 1, "oneshot": 0, "oneshot-round": 0}.get(point.kind, point.round)
    path = folder / Point(IMP, from_round, 0.0).path
    parent = read_ticket(path)
    held: tuple[str, ...] = ()
    if point.kind in (IMP, "oneshot", "oneshot-round"):
        weights = {n: parent.weights[n] for n in prunable}
        pruned = prune(weights, parent.mask, sparsity=point.sparsity, scope=recipe.scope, floor=recipe.floor)
        masks, held = pruned.masks, pruned.held
    elif point.kind == "random":
        seed = derived_seed(setting.seed, _STREAM_RANDOM_MASK, point.round)
        masks = random_masks(parent.mask, seed=seed)
    else:
        masks = {n: m.copy() for n, m in parent.mask.items()}
        seed = derived_seed(setting.seed, _STREAM_REINIT, point.round)
        fresh = read_state(build_model(recipe.arch, recipe.arch_args, seed=seed))
    start = fresh if point.kind == "reinit" else _start_weights(setting, folder, point, parent)
    return Start(apply_masks(start, masks), masks, held, sha256_file(path))


def _start_weights(
    setting: Setting, folder: Path, point: Point, parent: Ticket
) -> Mapping[str, npt.NDArray[Any]]:
    """The rewind epoch's weights where weights are rewound, else those that were trained before pruning."""
    if setting.recipe.rewinds_weights:
        return load_tensors(folder / _REWIND)[0]
    if point.kind == "random":
        # The parent's weights are trained for its own mask; a random mask needs the dense ones.
        return read_ticket(folder / Point(IMP, 0, 0.0).path).weights
    return parent.weights


def _keep_rewind_point(path: Path, wanted: int) -> Callable[[int, nn.Module], None]:
    """A hook that writes the dense network's weights at epoch `wanted`."""

    def keep(epoch: int, model: nn.Module) -> None:
        if epoch == wanted:
            save_tensors(path, read_state(model), {})

    return keep


def _trained_epochs(folder: Path, rounds: Iterable[int]) -> int:
    """Epochs that these of IMP's rounds were trained, from their tickets."""
    paths = [folder / Point(IMP, number, 0.0).path for number in rounds]
    return sum(int(summarize(path)["metrics"]["training"]["epochs"]) for path in paths)


def _spent(folder: Path, point: Point) -> int:
    """Epochs of IMP that a control may use in a schedule of its own; 0 for the kinds that use none."""
    return _trained_epochs(folder, equalled_rounds(point))


def _spent_before(folder: Path, point: Point) -> int:
    """Epochs of the trainings that a point builds on: its whole budget without its own training.

    "reinit" and "random" build on every round: they take the mask from there, or its count in each layer.
    """
    if point.kind == DENSE_LONG:
        return 0
    if point.kind == IMP:
        return _trained_epochs(folder, range(point.round))
    return _trained_epochs(folder, range(1 if point.kind.startswith("oneshot") else point.round + 1))
