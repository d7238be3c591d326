"""Each PyTorch layer as an op of the inference graph: one small reader per layer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from edgedf.compact import graph as ops
from edgedf.compact.graph import F32, Op
from edgedf.compact.shapes import Shape
from edgedf.errors import CompactError
from edgedf.models.layers import Normalize


def layer_op(layer: nn.Module, name: str, shape: Shape) -> Op | None:
    """The op of a layer at inference; None for one that does nothing, such as dropout.

    Args:
        name: the layer's path in its module, for messages.
        shape: of the layer's input, per image.
    Raises CompactError on an unknown layer type (subclasses included: they may compute something else)
    and on a setting that the graph cannot express.
    """
    read = _LAYERS.get(type(layer))
    if read is None:
        known = ", ".join(kind.__name__ for kind in _LAYERS)
        raise CompactError(f"unknown layer {type(layer).__name__}", field=name, hint=f"known layers: {known}")
    return read(layer, name, shape)


def _array(tensor: torch.Tensor | None) -> F32:
    assert tensor is not None
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32, order="C")


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


def _require(good: bool, name: str, problem: str) -> None:
    if not good:
        raise CompactError(problem, field=name)


def _conv(layer: Any, name: str, _: Shape) -> Op:
    _require(_pair(layer.dilation) == (1, 1), name, "uses dilation")
    _require(layer.padding_mode == "zeros", name, f"pads with {layer.padding_mode}, expected zeros")
    _require(not isinstance(layer.padding, str), name, f"pads with {layer.padding!r}, expected a number")
    return ops.Conv2d(
        weight_oihw=_array(layer.weight),
        bias_o=None if layer.bias is None else _array(layer.bias),
        stride=_pair(layer.stride),
        padding=_pair(layer.padding),
        groups=layer.groups,
    )


def _batch_norm(layer: Any, name: str, _: Shape) -> Op:
    _require(layer.running_mean is not None, name, "keeps no running statistics")
    mean, variance = layer.running_mean.detach().double(), layer.running_var.detach().double()
    scale = (variance + layer.eps).rsqrt()
    if layer.affine:
        scale = scale * layer.weight.detach().double()
    shift = -mean * scale
    if layer.affine:
        shift = shift + layer.bias.detach().double()
    return ops.Affine(scale_c=_array(scale), shift_c=_array(shift))


def _normalize(_: Any, __: str, shape: Shape) -> Op:
    scale = np.full(shape[0], 1.0 / Normalize.STD, np.float32)
    return ops.Affine(scale_c=scale, shift_c=np.full(shape[0], -Normalize.MEAN / Normalize.STD, np.float32))


def _max_pool(layer: Any, name: str, _: Shape) -> Op:
    plain = _pair(layer.dilation) == (1, 1) and not layer.ceil_mode and not layer.return_indices
    _require(plain, name, "uses dilation, ceil_mode or indices")
    return ops.MaxPool2d(
        kernel=_pair(layer.kernel_size), stride=_pair(layer.stride), padding=_pair(layer.padding)
    )


def _avg_pool(layer: Any, name: str, _: Shape) -> Op:
    plain = _pair(layer.padding) == (0, 0) and not layer.ceil_mode and layer.divisor_override is None
    _require(plain, name, "uses padding, ceil_mode or its own divisor")
    return ops.AvgPool2d(kernel=_pair(layer.kernel_size), stride=_pair(layer.stride))


def _global_pool(layer: Any, name: str, shape: Shape) -> Op:
    size = layer.output_size
    _require(size in (1, (1, 1), [1, 1]), name, f"pools to {size}, expected 1x1")
    _require(len(shape) == 3, name, f"cannot take an input of shape {shape}")
    return ops.AvgPool2d(kernel=(shape[1], shape[2]), stride=(shape[1], shape[2]))


def _flatten(layer: Any, name: str, _: Shape) -> Op:
    _require((layer.start_dim, layer.end_dim) == (1, -1), name, "flattens only some dimensions")
    return ops.Flatten()


def _linear(layer: Any, _: str, __: Shape) -> Op:
    return ops.Linear(
        weight_oi=_array(layer.weight), bias_o=None if layer.bias is None else _array(layer.bias)
    )


def _leaky(layer: Any, _: str, __: Shape) -> Op:
    return ops.LeakyRelu(slope=float(layer.negative_slope))


_LAYERS: dict[type[nn.Module], Callable[[Any, str, Shape], Op | None]] = {
    Normalize: _normalize,
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda *_: ops.Relu(),
    nn.LeakyReLU: _leaky,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    nn.Dropout: lambda *_: None,
    nn.Dropout2d: lambda *_: None,
    nn.Identity: lambda *_: None,
}
