"""Tickets made by rule, for tests: any architecture, any sparsity, trained-looking batch norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.models import build_model, is_state, prunable_names
from edgedf.ticket import Lineage, Ticket


def sample_ticket(
    arch: str = "mesonet",
    *,
    size: int = 128,
    sparsity: float = 0.8,
    seed: int = 0,
    with_init: bool = False,
    negative_scales: float = 0.1,
) -> Ticket:
    """A ticket with random weights, a random mask and batch norm statistics as after training.

    Args:
        sparsity: share of zeros in the mask, 0..1; each layer keeps at least one weight.
        negative_scales: share of batch norm channels with a negative scale, which no fold may flip.
    """
    generator = np.random.default_rng(seed)
    model = build_model(arch, {"size": size}, seed=seed)
    weights = {n: np.array(t.numpy()) for n, t in model.state_dict().items() if is_state(n)}
    init = {name: value.copy() for name, value in weights.items()} if with_init else {}
    for name, value in weights.items():
        weights[name] = _trained(name, value, generator, negative_scales)
    mask: dict[str, npt.NDArray[Any]] = {}
    for name in prunable_names(model, arch):
        keep = generator.random(weights[name].shape) >= sparsity
        keep.flat[generator.integers(keep.size)] = True
        mask[name] = keep.astype(np.uint8)
        weights[name] = weights[name] * mask[name]
    zeros = 1.0 - sum(int(m.sum()) for m in mask.values()) / sum(m.size for m in mask.values())
    return Ticket(
        arch=arch,
        arch_args={"size": size},
        weights=weights,
        mask=mask,
        init=init,
        contract=Contract(size=size),
        lineage=Lineage(
            recipe={"name": "sample", "rate": 0.2},
            seed=seed,
            sparsity=zeros,
            metrics={"validation": {"auc": 0.9}},
            tools={"torch": "0"},
        ),
    )


def _trained(
    name: str, value: npt.NDArray[Any], generator: np.random.Generator, negative: float
) -> npt.NDArray[Any]:
    if name.endswith("running_var"):
        return generator.uniform(0.3, 2.0, value.shape).astype(np.float32)
    if name.endswith(("running_mean", "bias")):
        return generator.normal(0, 0.3, value.shape).astype(np.float32)
    if value.ndim == 1:  # batch norm's scale
        sign = np.where(generator.random(value.shape) < negative, -1, 1)
        return (generator.uniform(0.3, 1.5, value.shape) * sign).astype(np.float32)
    if name.endswith(("head.weight", "fc.weight")):
        # Logits of a few units, as after training, so that relative errors mean something.
        return (value * (3.0 / np.abs(value).mean() / value.size**0.5)).astype(np.float32)
    return value
