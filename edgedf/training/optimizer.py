"""An optimizer under a mask: pruned weights are zero before, during and after every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.training.recipe import Recipe
from edgedf.training.state import State

if TYPE_CHECKING:
    import torch
    from torch import nn


class MaskedOptimizer:
    """AdamW or SGD with momentum that cannot regrow a pruned weight.

    A mask on the weights alone is not enough: momentum gathered from unmasked gradients would move a pruned
    weight in the very step. So gradients are masked before the step, which also keeps every moment of a
    pruned weight at zero, and weights after it, so that not even weight decay or rounding leaves a trace.
    """

    def __init__(self, model: nn.Module, masks: Mapping[str, npt.NDArray[np.uint8]], recipe: Recipe) -> None:
        import torch

        self._parameters = dict(model.named_parameters())
        self._optimizer = _build(list(self._parameters.values()), recipe)
        self._dead: dict[str, torch.Tensor] = {}
        for name, mask in masks.items():
            pruned = mask == 0
            if pruned.any():
                # An own copy in the parameter's layout: the caller's mask is never aliased.
                dead = torch.empty_like(self._parameters[name], dtype=torch.bool, requires_grad=False)
                self._dead[name] = dead.copy_(torch.from_numpy(pruned))
        self._hold()

    def step(self, rate: float) -> None:
        """One step with learning rate `rate` from the gradients in the parameters, which are then cleared."""
        for name, dead in self._dead.items():
            gradient = self._parameters[name].grad
            if gradient is not None:
                gradient.masked_fill_(dead, 0.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._hold()

    def read_state(self) -> State:
        """Moments and counters by "<kind>/<parameter>", float32 copies."""
        result: State = {}
        for name, parameter in self._parameters.items():
            for kind, value in self._optimizer.state[parameter].items():
                if value is not None:
                    result[f"{kind}/{name}"] = np.array(value.detach().cpu().contiguous().numpy())
        return result

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The reverse of `read_state`."""
        import torch

        for key, value in state.items():
            kind, _, name = key.partition("/")
            parameter = self._parameters[name]
            source = torch.from_numpy(np.array(value))
            if source.shape == parameter.shape and kind != "step":
                # The parameter's own layout: with another one the kernels would round differently.
                source = torch.empty_like(parameter, requires_grad=False).copy_(source)
            self._optimizer.state[parameter][kind] = source

    def _hold(self) -> None:
        import torch

        with torch.no_grad():
            for name, dead in self._dead.items():
                self._parameters[name].masked_fill_(dead, 0.0)


def _build(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    import torch

    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
