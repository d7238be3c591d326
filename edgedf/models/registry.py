"""The architectures by name: how to build one, what may be pruned, which tensors a ticket must hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from edgedf.errors import ModelError
from edgedf.models.cnn5 import CNN5
from edgedf.models.mesonet import MesoNet
from edgedf.models.resnet18 import ResNet18


@dataclass(frozen=True, slots=True)
class Architecture:
    """One entry of the registry.

    Attributes:
        name: what `--arch` takes.
        build: the nn.Module class; its keyword arguments are the ticket's `arch_args`.
        head: name of the last linear layer's weight, which is never pruned.
        default_size: input side in pixels when the user names none.
    """

    name: str
    build: Callable[..., nn.Module]
    head: str
    default_size: int


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "mesonet": Architecture("mesonet", MesoNet, "head.weight", 256),
        "cnn5": Architecture("cnn5", CNN5, "head.weight", 128),
        "resnet18": Architecture("resnet18", ResNet18, "backbone.fc.weight", 224),
    }
)


def architecture(name: str) -> Architecture:
    """The entry called `name`. Raises ModelError if there is none."""
    try:
        return ARCHITECTURES[name]
    except (KeyError, TypeError):
        known = ", ".join(ARCHITECTURES)
        raise ModelError(
            f"unknown architecture {str(name)[:60]!r}", field="arch", hint=f"use one of {known}"
        ) from None


def check_args(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`args` as a plain dict, checked. Raises ModelError on an unknown name, a bad size or a bad dropout."""
    entry = architecture(name)
    allowed = set(inspect.signature(entry.build).parameters)
    if odd := sorted(set(map(str, args)) - allowed):
        raise ModelError(
            f"{name} has no argument {odd[0][:60]!r}", field="arch_args", hint=f"known: {sorted(allowed)}"
        )
    size = args.get("size", entry.default_size)
    if isinstance(size, bool) or not isinstance(size, int) or size % 32 or not 32 <= size <= 1024:
        raise ModelError(
            f"size is {str(size)[:40]}, expected a multiple of 32 in 32..1024", field="arch_args.size"
        )
    dropout = args.get("dropout", 0.0)
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0.0 <= dropout < 1.0:
        raise ModelError(f"dropout is {str(dropout)[:40]}, expected 0 <= p < 1", field="arch_args.dropout")
    return dict(args)


def build_model(name: str, args: Mapping[str, Any] | None = None, *, seed: int | None = None) -> nn.Module:
    """A new model in training mode, on the CPU.

    Args:
        name, args: architecture and keyword arguments; `size` defaults to the architecture's own.
        seed: for the initial weights; the global generator is left as it was. None uses it as it is.
    """
    entry = architecture(name)
    arguments = {"size": entry.default_size} | check_args(name, args or {})
    if seed is None:
        return entry.build(**arguments)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return entry.build(**arguments)


def is_state(name: str) -> bool:
    """Whether a state_dict entry belongs in a ticket: everything but batch norm's step counter."""
    return not name.endswith("num_batches_tracked")


def prunable_names(model: nn.Module, name: str) -> tuple[str, ...]:
    """Names of the parameters that pruning may touch: convolution and linear weights except the head's."""
    head = architecture(name).head
    return tuple(n for n, p in model.named_parameters() if p.dim() > 1 and n != head)


@dataclass(frozen=True, slots=True)
class StateSpec:
    """What a ticket of one architecture must hold: every tensor's shape, and the prunable names."""

    shapes: Mapping[str, tuple[int, ...]]
    prunable: tuple[str, ...]


def state_spec(name: str, args: Mapping[str, Any]) -> StateSpec:
    """The StateSpec of an architecture with arguments; cheap, allocates no weights. Raises ModelError."""
    return _state_spec(name, tuple(sorted(check_args(name, args).items())))


@lru_cache(maxsize=32)
def _state_spec(name: str, args: tuple[tuple[str, Any], ...]) -> StateSpec:
    with torch.device("meta"):
        model = build_model(name, dict(args))
    shapes = {n: tuple(t.shape) for n, t in model.state_dict().items() if is_state(n)}
    return StateSpec(MappingProxyType(shapes), prunable_names(model, name))
