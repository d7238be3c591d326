"""Weights that take activations beyond float32: an error, wherever maxima and clamps would hide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_graphs import GraphBuilder, random_graph
from test_model_int8 import VARIANTS

from converters.native_format.file import _live_nodes, model_file
from edgedf.compact.graph import (
    INPUT,
    Add,
    Affine,
    AvgPool2d,
    Conv2d,
    Flatten,
    Graph,
    Linear,
    MaxPool2d,
    Op,
    Relu,
)
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.errors import BundleError
from edgedf.native.engine import NativeModel

SIZE = 32
NAMES = [*VARIANTS, *(f"{name}+float32" for name in VARIANTS)]
F32_MAX = float(np.finfo(np.float32).max)


def _file(graph: Graph, precision: str = "float32") -> bytes:
    return model_file(graph, Contract(size=graph.input_chw[1]), precision, {})


def _crops(size: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def _graph(hide: Sequence[Op]) -> Graph:
    """The first layer makes infinities, the second takes them from each other, `hide` comes behind."""
    builder = GraphBuilder(np.random.default_rng(1), SIZE)
    huge = np.full((8, 3, 3, 3), 1e37, np.float32)
    value = builder.append(Relu(), builder.append(Conv2d(weight_oihw=huge, padding=(1, 1)), INPUT))
    signs = (1 - 2 * (np.indices((8, 8, 3, 3)).sum(axis=0) % 2)).astype(np.float32)
    value = builder.append(Conv2d(weight_oihw=signs, padding=(1, 1)), value)
    for op in hide:
        value = builder.append(op, value)
    value = builder.append(Flatten(), value)
    features = builder.shapes[value][0]
    builder.append(Linear(weight_oi=np.ones((1, features), np.float32), bias_o=np.ones(1, np.float32)), value)
    return Graph(input_chw=(3, SIZE, SIZE), nodes=tuple(builder.nodes))


POOL = MaxPool2d(kernel=(2, 2), stride=(2, 2))
OVERLAPPING = MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1))
HIDDEN = {
    "relu": (Relu(),),
    "relu, max pool": (Relu(), POOL),
    "max pool, relu": (POOL, Relu()),
    "overlapping pool, relu": (OVERLAPPING, Relu()),
    "affine, relu": (Affine(scale_c=np.ones(8, np.float32), shift_c=np.ones(8, np.float32)), Relu()),
}


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize("hide", HIDDEN)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_run_number_lost_inside_the_network_is_an_error(variant: str, hide: str, precision: str) -> None:
    """PyTorch's logit is not a number here; ours once was the bias and what ReLUs make of NaN."""
    graph = _graph(HIDDEN[hide])
    crops = _crops(SIZE)
    with torch.no_grad():
        logits = GraphModule(graph)(torch.from_numpy(crops).permute(0, 3, 1, 2).float())
    assert not torch.isfinite(logits).any()
    with pytest.raises(BundleError, match="not a finite number"):
        NativeModel(_file(graph, precision), variant=variant, threads=1).run(crops)


def _activations(graph: Graph, crops: np.ndarray, dtype: torch.dtype) -> list[torch.Tensor]:
    """What every node gives, as PyTorch computes it."""
    found: list[torch.Tensor] = []
    module = GraphModule(graph).to(dtype)
    run = module._run

    def spy(node, inputs):  # type: ignore[no-untyped-def]
        found.append(run(node, inputs))
        return found[-1]

    module._run = spy  # type: ignore[method-assign]
    with torch.no_grad():
        module(torch.from_numpy(crops).permute(0, 3, 1, 2).to(dtype))
    return found


def _scaled(graph: Graph, rng: np.random.Generator) -> Graph:
    """Each layer's weights times a power of two, so that some networks overflow and others are near it."""
    nodes = []
    for node in graph.nodes:
        scale = np.float32(2.0 ** int(rng.integers(-20, 60)))
        op = node.op
        if isinstance(op, Conv2d):
            op = replace(op, weight_oihw=op.weight_oihw * scale)
        elif isinstance(op, Affine):
            op = replace(op, scale_c=op.scale_c * scale)
        nodes.append(replace(node, op=op))
    return replace(graph, nodes=tuple(nodes))


def _answer(data: bytes, variant: str, threads: int, crops: np.ndarray) -> float | None:
    """The logit, or None if there is none."""
    try:
        logit = float(NativeModel(data, variant=variant, threads=threads).run(crops)[0])
    except BundleError as error:
        if "not a finite number" not in str(error):
            raise
        return None
    assert np.isfinite(logit)
    return logit


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), threads=st.integers(1, 3))
def test_run_answers_only_where_every_activation_is_finite(seed: int, threads: int) -> None:
    graph = _scaled(random_graph(seed), np.random.default_rng(seed))
    graph = replace(graph, nodes=tuple(_live_nodes(graph)))
    crops = _crops(graph.input_chw[1], 1)
    sizes = [float(out.abs().max()) for out in _activations(graph, crops, torch.float64)]
    finite = max(sizes) < F32_MAX
    for variant in NAMES:
        for precision in ("float32", "int8"):
            logit = _answer(_file(graph, precision), variant, threads, crops)
            assert logit is not None or max(sizes) > 2.0**32, "small numbers are never refused"
            assert logit is None or finite or precision == "int8"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("variant", NAMES)
def test_deep_network_whose_worst_case_overflows_is_computed(variant: str, threads: int) -> None:
    """Each layer can make its input twenty times as large, and does not: 80 of them are no error."""
    rng = np.random.default_rng(3)
    builder = GraphBuilder(rng, SIZE)
    shift = np.full(3, -2, np.float32)
    value = builder.append(Affine(scale_c=np.full(3, 1 / 64, np.float32), shift_c=shift), INPUT)
    value = builder.append(Conv2d(weight_oihw=rng.normal(size=(16, 3, 3, 3)).astype(np.float32) / 4), value)
    for index in range(80):
        before = value
        # Sums keep their size: weights have the variance 2 / inputs.
        kept_share = (index % 3 + 1) / 3
        weight = rng.normal(size=(16, 16, 3, 3)) * np.sqrt(2 / 144 / kept_share)
        weight *= rng.random(weight.shape) < kept_share
        value = builder.append(Conv2d(weight_oihw=weight.astype(np.float32), padding=(1, 1)), value)
        if index % 5 == 4:
            value = builder.append(Add(), value, before)
        value = builder.append(Relu(), value)
    value = builder.append(AvgPool2d(kernel=(30, 30), stride=(30, 30)), value)
    builder.head(value)
    graph = Graph(input_chw=(3, SIZE, SIZE), nodes=tuple(builder.nodes))
    crops = _crops(SIZE)
    outputs = _activations(graph, crops, torch.float64)
    largest = max(float(out.abs().max()) for out in outputs)
    assert largest < 1e6
    weights = [node.op.weight_oihw for node in graph.nodes if isinstance(node.op, Conv2d)]
    worst = np.prod([float(np.abs(weight).sum(axis=(1, 2, 3)).max()) for weight in weights])
    assert worst > F32_MAX
    got = NativeModel(_file(graph), variant=variant, threads=threads).run(crops)
    assert np.abs(got - outputs[-1].numpy()[:, 0]).max() <= 1e-5 * largest
