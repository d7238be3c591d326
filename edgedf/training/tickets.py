"""From a finished training to its ticket: metrics on every split, calibration, lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf import __version__
from edgedf.data.cropset import CropSet
from edgedf.models import build_model
from edgedf.ticket import Lineage, Ticket, write_ticket
from edgedf.training.calibration import fit_temperature
from edgedf.training.evaluate import predict
from edgedf.training.metrics import clusters, measure
from edgedf.training.plan import Point
from edgedf.training.pruning import Masks, count_kept
from edgedf.training.state import State, load_state
from edgedf.training.trainer import Setting, Trained

_TOOLS = ("torch", "torchvision", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a ticket is made of, apart from what the run's setting says.

    Attributes:
        point: what was trained.
        weights: trained tensors, zero where a mask is zero.
        masks, init: of the ticket.
        held: layers that the floor kept fuller than magnitude alone would have.
        parent: sha256 of the ticket that was pruned, or None.
        trained: how the training went.
        spent: epochs of this training and of all that it builds on.
    """

    point: Point
    weights: State
    masks: Masks
    init: Mapping[str, npt.NDArray[Any]]
    held: tuple[str, ...]
    parent: str | None
    trained: Trained
    spent: int


def write_point(path: Path, setting: Setting, outcome: Outcome, dataset: Mapping[str, Any]) -> str:
    """Measure, calibrate on validation and write one point's ticket; returns its sha256.

    Raises KeyboardInterrupt, with nothing written, when a stop was asked for.
    The threshold stays 0.5: the temperature alone is fitted, and no decision changes with it.
    """
    recipe, data = setting.recipe, setting.data
    logits, test_logits = _logits(setting, outcome.weights)
    temperature = fit_temperature(logits, data.validation.labels)
    metrics = {
        "validation": _measured(logits, data.validation, setting),
        "test": _measured(test_logits, data.test, setting),
        "training": _training_metrics(outcome),
    }
    point = {"kind": outcome.point.kind, "asked": outcome.point.sparsity, "held": list(outcome.held)}
    lineage = Lineage(
        recipe=recipe.to_json() | {"point": point},
        seed=setting.seed,
        dataset=dict(dataset),
        round=outcome.point.round,
        sparsity=1.0 - count_kept(outcome.masks) / sum(mask.size for mask in outcome.masks.values()),
        metrics=metrics,
        parent=outcome.parent,
        tools=tool_versions(),
    )
    ticket = Ticket(
        arch=recipe.arch,
        arch_args=recipe.arch_args,
        weights=outcome.weights,
        mask=outcome.masks,
        init=outcome.init,
        contract=replace(recipe.contract, temperature=temperature),
        lineage=lineage,
    )
    return write_ticket(path, ticket)


def tool_versions() -> dict[str, str]:
    """Versions of what decides a run's bytes."""
    from importlib.metadata import version

    return {"edgedf": __version__} | {name: version(name) for name in _TOOLS}


def _logits(setting: Setting, weights: State) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Validation and test logits of the network with these weights."""
    import torch

    model = build_model(setting.recipe.arch, setting.recipe.arch_args)
    load_state(model, weights)
    model = model.to(setting.machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    data, check = setting.data, setting.stop.check
    validation = predict(model, data.validation.crops_nhwc, check=check)
    return validation, predict(model, data.test.crops_nhwc, check=check)


def _measured(logits: npt.NDArray[np.float32], crops: CropSet, setting: Setting) -> dict[str, float]:
    return measure(logits, crops.labels, clusters(crops.samples), check=setting.stop.check)


def _training_metrics(outcome: Outcome) -> dict[str, float]:
    """Epochs run, epochs of the whole budget, the best epoch, and its validation loss in nats."""
    trained = outcome.trained
    return {
        "epochs": float(trained.epochs),
        "spent_epochs": float(outcome.spent),
        "best_epoch": float(trained.best_epoch),
        "best_validation_loss": min(trained.losses),
    }
