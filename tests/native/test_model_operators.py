"""Random files with every operator of the format, Clamp and Sigmoid too, against PyTorch through the decoder.

No network of edgedf has these two operators, so the graphs of test_model_engine.py cannot hold them: here
they are written into the file itself.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from engine_checks import VARIANTS
from hypothesis import given, settings
from hypothesis import strategies as st
from model_decoder import ADD, CLAMP, FLATTEN, SIGMOID, FileNode, decode, encode_graph, sealed
from model_evaluate import evaluate
from model_graphs import GraphBuilder, random_graph

from converters.native_format.file import model_file
from edgedf.compact.graph import INPUT, Add, Conv2d, Flatten, Graph, MaxPool2d, Relu
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel


def test_copies_say_why_they_are_there() -> None:
    """A second pool in a row, a value that two layers read, one that two convolutions read differently."""
    builder = GraphBuilder(np.random.default_rng(0), 32)
    weight = np.ones((1, 3, 3, 3), np.float32) / 27
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    pooled = builder.append(Conv2d(weight_oihw=weight, padding=(1, 1)), INPUT)
    for _ in range(2):
        pooled = builder.append(pool, pooled)
    several = builder.append(Relu(), pooled)
    last = builder.append(Add(), pooled, several)
    plain = builder.append(Conv2d(weight_oihw=np.ones((1, 1, 2, 2), np.float32)), last)
    strided = builder.append(Conv2d(weight_oihw=np.ones((1, 1, 2, 2), np.float32), stride=(2, 2)), last)
    plain = builder.append(MaxPool2d(kernel=(4, 4), stride=(4, 4)), plain)
    strided = builder.append(MaxPool2d(kernel=(4, 4), stride=(4, 4)), strided)
    total = builder.append(Add(), plain, strided)
    builder.append(Flatten(), total)
    graph = Graph(input_chw=(3, 32, 32), nodes=tuple(builder.nodes))
    model = NativeModel(model_file(graph, Contract(size=32), "float32", {}))
    copies = [(step.fused, step.reason) for step in model.steps() if step.kernel == "copy"]
    reasons = {fused.removeprefix("copy+"): reason for fused, reason in copies}
    assert "has ended: at a pool" in reasons["max pool"]
    assert reasons["relu+add"].startswith("several layers read its input")
    assert "other padding or strides" in reasons["copy"]
    assert reasons["add"].startswith("neither step that made its inputs")


def _squash(rng: np.random.Generator) -> FileNode:
    """A Clamp with finite limits, or a Sigmoid; its input is filled in later."""
    if rng.random() < 0.5:
        return FileNode(SIGMOID, [], "", b"")
    low = float(rng.choice([-1e30, -1.0, 0.0, 0.25]))
    high = max(low, float(rng.choice([0.0, 0.5, 6.0, 1e30])))
    return FileNode(CLAMP, [], "", struct.pack("<2f", low, high))


def _insert(nodes: list[FileNode], after: int, extra: FileNode) -> list[FileNode]:
    """`extra` reads node `after`; all that read that node before now read `extra`."""
    moved = []
    for node in nodes:
        inputs = [i + 1 if i >= after + 1 else i for i in node.inputs]
        moved.append(FileNode(node.op, inputs, node.name, node.raw_numbers))
    extra.inputs = [after + 1]
    return [*moved[: after + 1], extra, *moved[after + 1 :]]


def _with_squashes(data: bytes, rng: np.random.Generator) -> bytes:
    decoded = decode(data)
    nodes = decoded.nodes
    for _ in range(int(rng.integers(1, 4))):
        nodes = _insert(nodes, int(rng.integers(0, len(nodes))), _squash(rng))
    return sealed(data, (encode_graph(nodes), *decoded.sections[1:]))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), precision=st.sampled_from(("float32", "float16", "int8")))
def test_run_file_with_every_operator_equals_pytorch(seed: int, precision: str) -> None:
    """Also in float16 and int8: what the file says is computed in float32, whatever its weights' form."""
    graph = random_graph(seed)
    data = model_file(graph, Contract(size=graph.input_chw[1]), precision, {})
    data = _with_squashes(data, np.random.default_rng(seed))
    size = graph.input_chw[1]
    crops = np.random.default_rng(seed + 1).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    expected, largest = evaluate(decode(data), crops)
    for variant in VARIANTS:
        model = NativeModel(data, variant=variant, int8=False)
        assert np.abs(model.run(crops) - expected).max() <= 1e-5 * largest, variant
        model.close()


@pytest.mark.parametrize("variant", VARIANTS)
def test_run_sigmoid_over_its_whole_range(variant: str) -> None:
    """From where it is 0 to where it is 1, in float32: one file per value, a linear layer that gives it."""
    from model_bytes import linear, model_bytes, node

    crop = np.full((1, 16, 16, 3), 1, np.uint8)
    for value in (-200.0, -88.0, -30.0, -1.0, -1e-6, 0.0, 1e-6, 0.5, 17.0, 88.0, 200.0):
        weight = np.zeros((1, 16 * 16 * 3), np.float32)
        weight[0, 0] = value
        data = model_bytes([node(FLATTEN, 0), linear(1, weight), node(SIGMOID, 2)], [weight])
        got = float(NativeModel(data, variant=variant).run(crop)[0])
        wanted = 1 / (1 + np.exp(-float(np.float32(value))))
        assert got == pytest.approx(wanted, rel=1e-6, abs=1e-30), value


def test_squashes_really_reach_the_engine() -> None:
    """The property test above means something only if files of each operator come up and are fused or not."""
    seen = set()
    for seed in range(20):
        graph = random_graph(seed)
        data = model_file(graph, Contract(size=graph.input_chw[1]), "float32", {})
        data = _with_squashes(data, np.random.default_rng(seed))
        seen |= {node.op for node in decode(data).nodes}
        model = NativeModel(data)
        seen |= {name for step in model.steps() for name in step.fused.split("+")}
    assert seen >= {*range(1, 12), "clamp", "sigmoid"}
    assert ADD in seen
