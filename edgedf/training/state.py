"""Tensors in and out of PyTorch, and the checkpoint that lets a killed run go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import TrainingError
from edgedf.files import canonical_json, parse_json, read_bytes, write_atomic

if TYPE_CHECKING:
    from torch import nn

State = dict[str, npt.NDArray[Any]]
_METADATA_KEY = "edgedf-checkpoint"
_MAX_BYTES = 1 << 32


@dataclass(slots=True)
class Progress:
    """How far one training is; everything that a resumed one needs. Changes while training goes on.

    Attributes:
        step: optimizer steps done, counted from the schedule's start.
        model, optimizer: tensors after that step, float32, by name.
        best: weights of the best validation epoch so far; empty before the first.
        best_loss, best_epoch: its validation loss in nats and its epoch; epoch 0 means none yet.
        losses: validation loss after every epoch of this training.
    """

    step: int
    model: State
    optimizer: State = field(default_factory=dict)
    best: State = field(default_factory=dict)
    best_loss: float = float("inf")
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)


def read_state(model: nn.Module) -> State:
    """Copies of every tensor that a ticket holds, float32, in PyTorch's logical order, on the CPU."""
    from edgedf.models import is_state

    tensors = {n: t for n, t in model.state_dict().items() if is_state(n)}
    return {n: np.array(t.detach().cpu().contiguous().numpy()) for n, t in tensors.items()}


def load_state(model: nn.Module, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Copy `state` into the model, which keeps its device and memory format."""
    import torch

    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    # strict=False: batch norm's step counters are not kept, and nothing reads them.
    model.load_state_dict(tensors, strict=False)


def save_checkpoint(path: Path, key: Mapping[str, Any], progress: Progress) -> None:
    """Write a checkpoint atomically. `key` says which training it belongs to."""
    groups = {"model": progress.model, "optimizer": progress.optimizer, "best": progress.best}
    header = {
        "key": dict(key),
        "step": progress.step,
        "best_loss": progress.best_loss if progress.best_epoch else None,
        "best_epoch": progress.best_epoch,
        "losses": progress.losses,
    }
    tensors = {f"{group}/{name}": value for group, state in groups.items() for name, value in state.items()}
    save_tensors(path, tensors, {_METADATA_KEY: canonical_json(header).decode()})


def load_checkpoint(path: Path, key: Mapping[str, Any]) -> Progress | None:
    """The checkpoint at `path` if it belongs to `key`, else None. Raises TrainingError if it is damaged."""
    if not path.exists():
        return None
    tensors, metadata = load_tensors(path)
    header = parse_json(metadata.get(_METADATA_KEY, "null"), file=path, error=TrainingError)
    if not isinstance(header, dict):
        raise _damaged(path, "not a checkpoint")
    if header.get("key") != dict(key):
        return None
    groups: dict[str, State] = {"model": {}, "optimizer": {}, "best": {}}
    try:
        for name, value in tensors.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = value
        return Progress(
            step=int(header["step"]),
            best_loss=float("inf") if header["best_loss"] is None else float(header["best_loss"]),
            best_epoch=int(header["best_epoch"]),
            losses=[float(loss) for loss in header["losses"]],
            **groups,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, repr(error)) from error


def save_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write named tensors as safetensors, atomically."""
    from safetensors.numpy import save

    ordered = {name: np.ascontiguousarray(value) for name, value in sorted(tensors.items())}
    write_atomic(path, save(ordered, metadata=metadata))


def load_tensors(path: Path) -> tuple[State, dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises TrainingError if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = read_bytes(path, max_bytes=_MAX_BYTES)
    try:
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    header = parse_json(data[8 : 8 + int.from_bytes(data[:8], "little")], file=path, error=TrainingError)
    return tensors, header.get("__metadata__") or {}


def _damaged(path: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"damaged ({reason[:200]})", file=path, hint="delete this file to start its round again"
    )
