"""From an evaluation-mode PyTorch module to the inference graph; what is not understood is an error."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from edgedf.compact.graph import (
    F32,
    INPUT,
    Add,
    Affine,
    AvgPool2d,
    Conv2d,
    Flatten,
    Graph,
    LeakyRelu,
    Linear,
    MaxPool2d,
    Node,
    Op,
    Relu,
)
from edgedf.compact.shapes import Shape, node_shape
from edgedf.errors import CompactError
from edgedf.models.layers import Normalize


def trace_graph(module: nn.Module, input_chw: tuple[int, int, int]) -> Graph:
    """The graph that `module` computes in evaluation mode.

    Batch norm becomes an Affine, computed in float64 and rounded once; dropout disappears; Normalize
    becomes Affine(1/64, -2), the same function of every pixel value to the bit.

    Args:
        module: in evaluation mode, one input (N, C, H, W) float32 and one output (N, 1).
        input_chw: shape of one input.
    Raises CompactError naming the first layer or function that a graph cannot express.
    """
    if module.training:
        raise CompactError("the module is in training mode", hint="call module.eval() first")
    nodes: list[Node] = []
    shapes: dict[str, Shape] = {INPUT: input_chw}
    alias: dict[fx.Node, str] = {}
    modules = dict(module.named_modules())
    for step in _symbolic(module).nodes:
        if step.op == "placeholder":
            if alias:
                raise CompactError("the module takes more than one input", field=step.name)
            alias[step] = INPUT
        elif step.op == "output":
            _check_output(step, alias, nodes, shapes)
        else:
            inputs = tuple(alias[value] for value in _tensor_inputs(step))
            op = _op(step, modules, shapes[inputs[0]])
            if op is None:
                alias[step] = inputs[0]
                continue
            source = step.target if isinstance(step.target, str) else ""
            name = f"{step.name}_" if step.name == INPUT else step.name
            node = Node(name=name, op=op, inputs=inputs, source=source)
            shapes[name] = node_shape(node, [shapes[value] for value in inputs])
            alias[step] = name
            nodes.append(node)
    return Graph(input_chw=input_chw, nodes=tuple(nodes))


class _Tracer(fx.Tracer):
    """Stops at torch.nn's layers and at Normalize, looks into everything else."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Normalize) or super().is_leaf_module(m, module_qualified_name)


def _symbolic(module: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(module)
    except CompactError:
        raise
    except Exception as error:  # fx raises whatever the module's own code raises on a symbolic value
        raise CompactError(f"cannot be traced ({str(error)[:200]})", field=type(module).__name__) from error


def _check_output(
    step: fx.Node, alias: dict[fx.Node, str], nodes: list[Node], shapes: dict[str, Shape]
) -> None:
    """The output is one tensor of one number, and the last node computes it."""
    value = step.args[0]
    if not isinstance(value, fx.Node) or not nodes or alias[value] != nodes[-1].name:
        raise CompactError("the module does not return one tensor computed last", field="output")
    if shapes[nodes[-1].name] != (1,):
        raise CompactError(
            f"has shape {shapes[nodes[-1].name]} per image, expected one logit", field=nodes[-1].name
        )


def _tensor_inputs(step: fx.Node) -> tuple[fx.Node, ...]:
    inputs = tuple(value for value in step.args if isinstance(value, fx.Node))
    odd = [value for value in step.kwargs.values() if isinstance(value, fx.Node)]
    if not inputs or odd:
        raise CompactError(f"{_title(step)} is called in a way a graph cannot express", field=step.name)
    return inputs


def _title(step: fx.Node) -> str:
    target = step.target
    return target if isinstance(target, str) else getattr(target, "__name__", repr(target))


def _op(step: fx.Node, modules: dict[str, nn.Module], shape: Shape) -> Op | None:
    """The op of one traced step; None for a step that does nothing at inference."""
    if step.op == "call_module":
        layer = modules[str(step.target)]
        for kind, read in _LAYERS.items():
            if type(layer) is kind:
                return read(layer, str(step.target), shape)
        raise CompactError(f"unknown layer {type(layer).__name__}", field=str(step.target))
    if step.op == "call_function":
        tensors = sum(isinstance(value, fx.Node) for value in step.args)
        rest = step.args[1:] if not step.kwargs else None
        if step.target in (operator.add, operator.iadd, torch.add) and tensors == 2 and rest:
            return Add()
        if step.target is torch.flatten and rest in ((1,), (1, -1)):
            return Flatten()
        if step.target is torch.relu and rest == ():
            return Relu()
    raise CompactError(f"unknown operation {_title(step)}", field=step.name)


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
    return Conv2d(
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
    return Affine(scale_c=_array(scale), shift_c=_array(shift))


def _normalize(_: Any, __: str, shape: Shape) -> Op:
    scale = np.full(shape[0], 1.0 / Normalize.STD, np.float32)
    return Affine(scale_c=scale, shift_c=np.full(shape[0], -Normalize.MEAN / Normalize.STD, np.float32))


def _max_pool(layer: Any, name: str, _: Shape) -> Op:
    plain = _pair(layer.dilation) == (1, 1) and not layer.ceil_mode and not layer.return_indices
    _require(plain, name, "uses dilation, ceil_mode or indices")
    return MaxPool2d(
        kernel=_pair(layer.kernel_size), stride=_pair(layer.stride), padding=_pair(layer.padding)
    )


def _avg_pool(layer: Any, name: str, _: Shape) -> Op:
    plain = _pair(layer.padding) == (0, 0) and not layer.ceil_mode and layer.divisor_override is None
    _require(plain, name, "uses padding, ceil_mode or its own divisor")
    return AvgPool2d(kernel=_pair(layer.kernel_size), stride=_pair(layer.stride))


def _global_pool(layer: Any, name: str, shape: Shape) -> Op:
    size = layer.output_size
    _require(size in (1, (1, 1), [1, 1]), name, f"pools to {size}, expected 1x1")
    _require(len(shape) == 3, name, f"cannot take an input of shape {shape}")
    return AvgPool2d(kernel=(shape[1], shape[2]), stride=(shape[1], shape[2]))


def _flatten(layer: Any, name: str, _: Shape) -> Op:
    _require((layer.start_dim, layer.end_dim) == (1, -1), name, "flattens only some dimensions")
    return Flatten()


def _linear(layer: Any, _: str, __: Shape) -> Op:
    return Linear(weight_oi=_array(layer.weight), bias_o=None if layer.bias is None else _array(layer.bias))


def _leaky(layer: Any, _: str, __: Shape) -> Op:
    return LeakyRelu(slope=float(layer.negative_slope))


_LAYERS: dict[type[nn.Module], Callable[[Any, str, Shape], Op | None]] = {
    Normalize: _normalize,
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda *_: Relu(),
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
