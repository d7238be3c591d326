"""One training of one masked network: from given weights, over some epochs, to the best validation epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import TrainingError
from edgedf.training.batches import TrainingData, make_batch, steps_per_epoch
from edgedf.training.evaluate import predict
from edgedf.training.interrupt import StopFlag
from edgedf.training.machine import Machine
from edgedf.training.metrics import log_loss
from edgedf.training.optimizer import MaskedOptimizer
from edgedf.training.recipe import Recipe
from edgedf.training.saver import Saver
from edgedf.training.schedule import derived_seed, learning_rate
from edgedf.training.state import (
    Progress,
    State,
    load_checkpoint,
    load_state,
    read_state,
)

if TYPE_CHECKING:
    from torch import nn

_STREAM_DROPOUT = 2

# Called with (epochs done in this training, note for a person).
OnProgress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which part of a schedule a training runs through.

    Attributes:
        first, last: epochs of the schedule, 0 <= first < last; rewound rounds start at `first` > 0.
        peak: the schedule's largest learning rate.
    """

    first: int
    last: int
    peak: float

    @property
    def epochs(self) -> int:
        """Length of the training."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trainings of one seed share.

    Attributes:
        recipe, data, machine: see their modules.
        seed: of data order, augmentation and dropout; the same for every point, so that points differ only
            by what they are about.
        checkpoint: file that holds the state of the training under way.
        stop: asked between steps.
    """

    recipe: Recipe
    data: TrainingData
    machine: Machine
    seed: int
    checkpoint: Path
    stop: StopFlag


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of one training: the best epoch's weights, epochs run, the best epoch, validation losses."""

    state: State
    epochs: int
    best_epoch: int
    losses: tuple[float, ...]


def train(
    setting: Setting,
    model: nn.Module,
    start: State,
    masks: Mapping[str, npt.NDArray[np.uint8]],
    span: Span,
    *,
    key: Mapping[str, Any],
    on_epoch: Callable[[int, nn.Module], None] | None = None,
    on_progress: OnProgress | None = None,
    no_stop_before: int = 0,
) -> Trained:
    """Train `model` from `start` under `masks` over `span`.

    Args:
        model: any instance of the architecture; its weights are overwritten.
        key: identifies this training in its checkpoint; a checkpoint with an equal key is taken up.
        on_epoch: called with (epoch of the schedule, model) after each epoch and, with span.first, before
            the first; again after a resume for the epoch that was under way, so it must be repeatable.
        no_stop_before: epoch of the schedule before which early stopping must not end the training.
    What was trained is in the checkpoint when it returns, so that nobody trains it again who stops before its
    ticket is written. Raises KeyboardInterrupt, after saving, when a stop was asked for; TrainingError if the
    loss is no number.
    """
    import torch

    recipe = setting.recipe
    per_epoch = steps_per_epoch(setting.data, recipe)
    model = model.to(setting.machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    progress = load_checkpoint(setting.checkpoint, key) or Progress(span.first * per_epoch, start)
    load_state(model, progress.model)
    optimizer = MaskedOptimizer(model, masks, recipe)
    optimizer.load_state(progress.optimizer)
    saver = Saver(setting.checkpoint, key, model, optimizer, setting.stop)
    if on_epoch is not None and progress.step == span.first * per_epoch:
        on_epoch(span.first, model)
    devices = [torch.cuda.current_device()] if setting.machine.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        while (epoch := span.first + len(progress.losses)) < span.last and not _is_stale(
            progress, recipe, epoch, no_stop_before
        ):
            if progress.step == (epoch + 1) * per_epoch:
                with saver.saved_if_stopped(progress):
                    loss = _validation_loss(setting, model)
                _end_epoch(model, progress, epoch + 1, loss)
                if on_epoch is not None:
                    on_epoch(epoch + 1, model)
            else:
                _step(setting, model, optimizer, progress.step, span, per_epoch)
                progress.step += 1
            if on_progress is not None:
                note = f"validation loss {progress.best_loss:.3f}" if progress.best_epoch else ""
                on_progress(progress.step / per_epoch - span.first, note)
            saver.save_if_due(progress)
    saver.save(progress)
    return Trained(progress.best, len(progress.losses), progress.best_epoch, tuple(progress.losses))


def _step(
    setting: Setting, model: nn.Module, optimizer: MaskedOptimizer, step: int, span: Span, per_epoch: int
) -> None:
    import torch
    from torch.nn import functional as F

    recipe = setting.recipe
    x, y = make_batch(setting.data, recipe, seed=setting.seed, step=step)
    # Dropout draws from PyTorch's generator: seeding it by the step makes every step repeatable by itself.
    torch.manual_seed(derived_seed(setting.seed, _STREAM_DROPOUT, step))
    model.train()
    logits = model(x.to(setting.machine.device))
    loss = F.binary_cross_entropy_with_logits(logits, y.to(setting.machine.device))
    loss.backward()  # type: ignore[no-untyped-call]
    warmup = round(recipe.warmup * per_epoch)
    optimizer.step(learning_rate(step, peak=span.peak, warmup=warmup, total=span.last * per_epoch))


def _validation_loss(setting: Setting, model: nn.Module) -> float:
    validation = setting.data.validation
    return log_loss(predict(model, validation.crops_nhwc, check=setting.stop.check), validation.labels)


def _end_epoch(model: nn.Module, progress: Progress, epoch: int, loss: float) -> None:
    """Note the validation loss and keep the weights if they are the best so far."""
    if not np.isfinite(loss):
        raise TrainingError(
            f"validation loss is {loss} after epoch {epoch}", field="lr", hint="lower the learning rate"
        )
    progress.losses.append(loss)
    if loss < progress.best_loss:
        progress.best_loss, progress.best_epoch = loss, epoch
        progress.best = read_state(model)


def _is_stale(progress: Progress, recipe: Recipe, epoch: int, no_stop_before: int) -> bool:
    """Whether early stopping ends the training at `epoch`, the last that was measured."""
    if recipe.patience == 0 or not progress.best_epoch or epoch <= no_stop_before:
        return False
    return epoch - progress.best_epoch >= recipe.patience
