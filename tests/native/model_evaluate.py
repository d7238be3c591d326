"""What a decoded model file computes, operator by operator in PyTorch with double precision."""

from __future__ import annotations

import numpy as np
import torch
from model_decoder import (
    ADD,
    AFFINE,
    AVG_POOL,
    CLAMP,
    CONV,
    FLATTEN,
    LEAKY,
    LINEAR,
    MAX_POOL,
    RELU,
    SIGMOID,
    FileNode,
    ModelFile,
)
from torch.nn import functional


def evaluate(model: ModelFile, crops_nhwc: np.ndarray) -> tuple[np.ndarray, float]:
    """(logits (N,) float64 of crops (N, S, S, 3) uint8, the largest activation on the way)."""
    values = [torch.from_numpy(crops_nhwc.copy()).permute(0, 3, 1, 2).double()]
    largest = 1.0
    for node in model.nodes:
        values.append(_run(node, [values[i] for i in node.inputs]))
        largest = max(largest, float(values[-1].abs().max()))
    return values[-1].reshape(-1).numpy(), largest


def _run(node: FileNode, inputs: list[torch.Tensor]) -> torch.Tensor:
    x, n = inputs[0], node.numbers
    arrays = {name: torch.from_numpy(array).double() for name, array in node.arrays.items()}
    kernel, stride, padding = (
        tuple(int(n.get(f"{what}_{axis}", 0)) for axis in "hw") for what in ("kernel", "stride", "padding")
    )
    if node.op == CONV:
        bias, groups = arrays.get("bias"), int(n["groups"])
        return functional.conv2d(x, arrays["weight"], bias, stride, padding, groups=groups)
    if node.op == AFFINE:
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return x * arrays["scale"].reshape(shape) + arrays["shift"].reshape(shape)
    if node.op == MAX_POOL:
        return functional.max_pool2d(x, kernel, stride, padding)
    if node.op == AVG_POOL:
        return functional.avg_pool2d(x, kernel, stride)
    if node.op == LINEAR:
        return functional.linear(x, arrays["weight"], arrays.get("bias"))
    if node.op == LEAKY:
        return functional.leaky_relu(x, n["slope"])
    if node.op == CLAMP:
        return x.clamp(n["low"], n["high"])
    plain = {RELU: torch.relu, SIGMOID: torch.sigmoid, FLATTEN: lambda v: v.flatten(1)}
    return inputs[0] + inputs[1] if node.op == ADD else plain[node.op](x)
