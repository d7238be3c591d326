"""Each rule of the rewrite on the smallest graph that shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgedf.compact.edit import same_graph
from edgedf.compact.graph import (
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
from edgedf.compact.module import GraphModule
from edgedf.compact.rewrite import compact_graph

SIZE = 6


def chain(*ops: Op) -> Graph:
    """A graph of one step after another."""
    names = [INPUT, *(f"n{index}" for index in range(len(ops)))]
    nodes = [Node(name=names[i + 1], op=op, inputs=(names[i],)) for i, op in enumerate(ops)]
    return Graph(input_chw=(3, SIZE, SIZE), nodes=tuple(nodes))


def rand(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype(np.float32)


def conv(outputs: int, inputs: int, kernel: int = 3, **settings: Any) -> Conv2d:
    settings.setdefault("padding", (kernel // 2, kernel // 2))
    return Conv2d(weight_oihw=rand(outputs, inputs, kernel, kernel), bias_o=rand(outputs), **settings)


def head(features: int) -> tuple[Op, Op]:
    return Flatten(), Linear(weight_oi=rand(1, features), bias_o=rand(1))


def without_filters(op: Conv2d, *outputs: int, bias: float = 0.7) -> Conv2d:
    weight, bias_o = op.weight_oihw.copy(), np.array(op.bias_o)
    weight[list(outputs)], bias_o[list(outputs)] = 0, bias
    return replace(op, weight_oihw=weight, bias_o=bias_o)


def without_inputs(op: Conv2d, *inputs: int) -> Conv2d:
    weight = op.weight_oihw.copy()
    weight[:, list(inputs)] = 0
    return replace(op, weight_oihw=weight)


def largest_difference(first: Graph, second: Graph) -> float:
    x = torch.randint(0, 256, (8, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)).double() / 64
    with torch.no_grad():
        a, b = GraphModule(first).double()(x), GraphModule(second).double()(x)
    return float((a - b).abs().max() / a.abs().max().clamp(min=1))


def channels(graph: Graph) -> list[int]:
    return [n.op.weight_oihw.shape[0] for n in graph.nodes if isinstance(n.op, Conv2d)]


def test_channel_that_nobody_reads_leaves() -> None:
    graph = chain(conv(5, 3), Relu(), without_inputs(conv(4, 5), 1, 3), *head(4 * SIZE * SIZE))
    small, report = compact_graph(graph)
    assert channels(small) == [3, 4]
    assert (report.layers[0].dead, report.layers[0].constant) == (2, 0)
    assert largest_difference(graph, small) < 1e-6


def test_death_runs_backwards_through_the_network() -> None:
    last = without_inputs(conv(2, 4), 0, 1, 2)
    middle = conv(4, 5)
    middle.weight_oihw[3, 1:] = 0
    small, _ = compact_graph(chain(conv(5, 3), Relu(), middle, Relu(), last, *head(2 * SIZE * SIZE)))
    assert channels(small) == [1, 1, 2]


def test_constant_channel_goes_into_the_bias_where_nothing_is_padded() -> None:
    graph = chain(
        without_filters(conv(4, 3), 0, 2), Relu(), conv(3, 4, padding=(0, 0)), *head(3 * (SIZE - 2) ** 2)
    )
    small, report = compact_graph(graph)
    assert channels(small) == [2, 3]
    assert report.layers[0].constant == 2
    assert largest_difference(graph, small) < 1e-6


def test_one_constant_channel_speaks_for_all_in_front_of_padding() -> None:
    graph = chain(without_filters(conv(6, 3), 0, 2, 5), Relu(), conv(3, 6), *head(3 * SIZE * SIZE))
    small, report = compact_graph(graph)
    assert channels(small) == [4, 3]
    assert report.layers[0].constant == 2
    assert largest_difference(graph, small) < 1e-6


def test_constant_zero_behind_relu_leaves_whole() -> None:
    graph = chain(without_filters(conv(4, 3), 0, 1, bias=-1.0), Relu(), conv(3, 4), *head(3 * SIZE * SIZE))
    small, _ = compact_graph(graph)
    assert channels(small) == [2, 3]
    assert largest_difference(graph, small) < 1e-6


def test_centre_tap_of_a_padded_kernel_reads_no_padding() -> None:
    second = conv(3, 4)
    weight = np.zeros_like(second.weight_oihw)
    weight[:, 0, 1, 1], weight[:, 1:] = 2.0, second.weight_oihw[:, 1:]
    graph = chain(
        without_filters(conv(4, 3), 0), Relu(), replace(second, weight_oihw=weight), *head(3 * SIZE * SIZE)
    )
    small, _ = compact_graph(graph)
    assert channels(small) == [3, 3]
    assert largest_difference(graph, small) < 1e-6


def test_static_border_pattern_folds_into_the_linear_layer() -> None:
    # Channel 0 of the second convolution sees only constants, but padding makes its border differ.
    second = conv(3, 4)
    second.weight_oihw[0, 1:] = 0
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    graph = chain(without_filters(conv(4, 3), 0), Relu(), second, Relu(), pool, *head(27))
    small, _ = compact_graph(graph)
    assert channels(small)[1] == 2
    assert largest_difference(graph, small) < 1e-6


def residual(second: Conv2d, third: Conv2d) -> Graph:
    """conv a -> relu r; conv b on r; r + b -> relu -> conv c."""
    flatten, linear = head(third.weight_oihw.shape[0] * SIZE * SIZE)
    steps: list[tuple[str, Op, tuple[str, ...]]] = [
        ("a", conv(4, 3), (INPUT,)), ("r", Relu(), ("a",)), ("b", second, ("r",)), ("s", Add(), ("r", "b")),
        ("t", Relu(), ("s",)), ("c", third, ("t",)), ("f", flatten, ("c",)), ("l", linear, ("f",)),
    ]  # fmt: skip
    nodes = tuple(Node(name=name, op=op, inputs=inputs) for name, op, inputs in steps)
    return Graph(input_chw=(3, SIZE, SIZE), nodes=nodes)


def test_channel_of_a_sum_leaves_only_where_no_branch_needs_it() -> None:
    third = without_inputs(conv(2, 4), 1, 2)
    second = without_inputs(conv(4, 4), 2)  # but b still reads channel 1 of r
    graph = residual(second, third)
    small, _ = compact_graph(graph)
    assert channels(small) == [3, 3, 2]
    assert largest_difference(graph, small) < 1e-6
    kept_for_shape = next(n.op for n in small.nodes if n.name == "b")
    assert isinstance(kept_for_shape, Conv2d)
    assert not kept_for_shape.weight_oihw[1].any(), "the sum's dead channel still costs weights"


@pytest.mark.parametrize("bias", [0.0, 0.3, -0.3])
def test_branch_that_is_constant_leaves_with_its_sum(bias: float) -> None:
    graph = residual(without_filters(conv(4, 4), 0, 1, 2, 3, bias=bias), conv(2, 4))
    small, report = compact_graph(graph)
    assert not any(isinstance(node.op, Add) for node in small.nodes)
    assert report.layers[1].outputs == (4, 0)
    assert largest_difference(graph, small) < 1e-6


def test_network_that_ignores_its_input_becomes_its_constant() -> None:
    first = without_filters(conv(4, 3), 0, 1, 2, 3)
    graph = chain(first, Relu(), conv(4, 4), LeakyRelu(slope=0.1), conv(2, 4), *head(2 * SIZE * SIZE))
    small, report = compact_graph(graph)
    assert report.constant_logit is not None
    assert small.shapes()[small.output] == (1,)
    assert next(node.inputs for node in small.nodes) == (INPUT,)
    assert largest_difference(graph, small) < 1e-6
    assert all(entry.outputs[1] == 0 for entry in report.layers)


def test_batch_norm_folds_into_the_convolution_before_it() -> None:
    graph = chain(conv(4, 3), Affine(scale_c=rand(4), shift_c=rand(4)), Relu(), *head(4 * SIZE * SIZE))
    small, _ = compact_graph(graph)
    assert [type(node.op) for node in small.nodes] == [Conv2d, Relu, Flatten, Linear]
    assert largest_difference(graph, small) < 1e-6


def test_batch_norm_after_relu_keeps_only_its_shift_behind_the_pool() -> None:
    scale = np.abs(rand(4)) + 0.1
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    graph = chain(conv(4, 3), Relu(), Affine(scale_c=scale, shift_c=rand(4)), pool, conv(2, 4), *head(2 * 9))
    small, _ = compact_graph(graph)
    assert [type(node.op) for node in small.nodes][:4] == [Conv2d, Relu, MaxPool2d, Affine]
    affine = small.nodes[3].op
    assert isinstance(affine, Affine)
    assert (affine.scale_c == 1).all()
    assert largest_difference(graph, small) < 1e-6


def test_falling_batch_norm_stays_in_front_of_the_pool() -> None:
    scale = np.array([1, -1, 2, 0.5], np.float32)
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    graph = chain(conv(4, 3), Relu(), Affine(scale_c=scale, shift_c=rand(4)), pool, conv(2, 4), *head(2 * 9))
    small, _ = compact_graph(graph)
    assert [type(node.op) for node in small.nodes][:4] == [Conv2d, Relu, Affine, MaxPool2d]
    assert largest_difference(graph, small) < 1e-6


def test_batch_norm_in_front_of_flatten_goes_into_the_linear_layer() -> None:
    pool = AvgPool2d(kernel=(2, 2), stride=(2, 2))
    graph = chain(conv(4, 3), Relu(), Affine(scale_c=rand(4), shift_c=rand(4)), pool, *head(4 * 9))
    small, _ = compact_graph(graph)
    assert not any(isinstance(node.op, Affine) for node in small.nodes)
    assert largest_difference(graph, small) < 1e-6


def test_fold_that_would_overflow_float32_is_left_alone() -> None:
    huge = Affine(scale_c=np.full(4, 3e38, np.float32), shift_c=np.zeros(4, np.float32))
    graph = chain(conv(4, 3), huge, Relu(), *head(4 * SIZE * SIZE))
    small, _ = compact_graph(graph)
    assert all(np.isfinite(n.op.weight_oihw).all() for n in small.nodes if isinstance(n.op, Conv2d))


def test_dense_network_keeps_everything() -> None:
    graph = chain(conv(4, 3), Relu(), conv(3, 4), *head(3 * SIZE * SIZE))
    small, report = compact_graph(graph)
    assert same_graph(graph, small)
    assert report.rounds == 1
