"""From an evaluation-mode PyTorch module to the inference graph; what is not understood is an error."""

from __future__ import annotations

import operator

import torch
from torch import fx, nn

from edgedf.compact.graph import INPUT, Add, Flatten, Graph, Node, Op, Relu
from edgedf.compact.layers import layer_op
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
        elif step.op == "get_attr":
            raise CompactError("a tensor is used outside a known layer", field=str(step.target))
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
        return layer_op(modules[str(step.target)], str(step.target), shape)
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
