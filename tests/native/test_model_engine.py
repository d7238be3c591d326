"""The sparse engine against PyTorch: random graphs, real architectures, every kernel variant, threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine_checks import VARIANTS, check_threads
from hypothesis import given, settings
from hypothesis import strategies as st
from model_graphs import random_graph

from converters.native_format.file import model_file
from edgedf.compact.graph import Graph
from edgedf.compact.module import GraphModule
from edgedf.compact.trace import trace_graph
from edgedf.contract import Contract
from edgedf.errors import BundleError, NotRunError
from edgedf.models.registry import build_model
from edgedf.native.engine import NativeModel


def _crops(size: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def _reference(module: torch.nn.Module, crops: np.ndarray) -> np.ndarray:
    """PyTorch in double precision: what float32 engines round differently, it does not."""
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double()
    with torch.no_grad():
        return module.double()(x)[:, 0].numpy()


def _file(graph: Graph, precision: str = "float32") -> bytes:
    return model_file(graph, Contract(size=graph.input_chw[1]), precision, {})


def _masked(arch: str, size: int, sparsity: float) -> torch.nn.Module:
    torch.manual_seed(3)
    network = build_model(arch, {"size": size}).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.weight.data *= (torch.rand_like(module.weight) >= sparsity) / (1 - sparsity) ** 0.5
    return network


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_run_random_graph_equals_pytorch(seed: int) -> None:
    graph = random_graph(seed)
    crops = _crops(graph.input_chw[1])
    expected = _reference(GraphModule(graph), crops)
    data = _file(graph)
    scale = max(1.0, float(np.abs(expected).max()), _largest_activation(graph, crops))
    for variant in VARIANTS:
        model = NativeModel(data, variant=variant)
        assert np.abs(model.run(crops) - expected).max() <= 1e-5 * scale, variant
        model.close()


def _largest_activation(graph: Graph, crops: np.ndarray) -> float:
    """Rounding errors are relative to what is added up, not to a logit that may cancel to zero."""
    largest = 0.0
    module = GraphModule(graph).double()
    run = module._run

    def spy(node, inputs):  # type: ignore[no-untyped-def]
        nonlocal largest
        out = run(node, inputs)
        largest = max(largest, float(out.abs().max()))
        return out

    module._run = spy  # type: ignore[method-assign]
    with torch.no_grad():
        module(torch.from_numpy(crops).permute(0, 3, 1, 2).double())
    return largest


@pytest.mark.parametrize(
    ("arch", "size"), [("mesonet", 128), ("mesonet", 256), ("cnn5", 128), ("resnet18", 96)]
)
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
def test_run_architecture_equals_pytorch(arch: str, size: int, sparsity: float) -> None:
    network = _masked(arch, size, sparsity)
    graph = trace_graph(network, (3, size, size))
    crops = _crops(size)
    expected = _reference(network, crops)
    for variant in VARIANTS:
        model = NativeModel(_file(graph), variant=variant)
        assert np.abs(model.run(crops) - expected).max() <= 1e-5 * np.abs(expected).max()
        model.close()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), threads=st.integers(2, 5))
def test_run_threads_give_the_same_bits(seed: int, threads: int) -> None:
    graph = random_graph(seed)
    check_threads(_file(graph), _crops(graph.input_chw[1], 1), threads)


def test_run_twice_in_one_workspace_gives_the_same_bits() -> None:
    graph = trace_graph(_masked("mesonet", 128, 0.8), (3, 128, 128))
    model = NativeModel(_file(graph))
    crops = _crops(128, 4)
    together = model.run(crops)
    assert [model.run(crops[i : i + 1])[0] for i in (2, 0, 3, 1)] == [together[i] for i in (2, 0, 3, 1)]


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_run_small_precision_stays_near_float32(precision: str) -> None:
    graph = trace_graph(_masked("mesonet", 128, 0.8), (3, 128, 128))
    crops = _crops(128, 8)
    exact = NativeModel(_file(graph)).run(crops)
    small = NativeModel(_file(graph, precision)).run(crops)
    assert np.abs(small - exact).max() <= {"float16": 0.01, "int8": 0.1}[precision] * np.abs(exact).max()


def test_steps_name_kernel_and_reason() -> None:
    sparse = NativeModel(_file(trace_graph(_masked("mesonet", 128, 0.9), (3, 128, 128))))
    dense = NativeModel(_file(trace_graph(_masked("mesonet", 128, 0.0), (3, 128, 128))))
    kernels = {step.layer: step.kernel for step in sparse.steps()}
    assert kernels["features.1.0"] == "sparse"
    assert {step.layer: step.kernel for step in dense.steps()}["features.1.0"] == "dense"
    assert all(step.reason for step in sparse.steps())
    assert sparse.needs.multiplies < sparse.needs.dense_multiplies / 5


def test_workspace_is_within_half_more_than_the_largest_pair() -> None:
    for arch, size in (("mesonet", 256), ("mesonet", 128), ("cnn5", 128), ("resnet18", 224)):
        needs = NativeModel(_file(trace_graph(_masked(arch, size, 0.9), (3, size, size)))).needs
        assert needs.workspace_bytes <= 1.5 * needs.largest_pair_bytes


def test_open_unknown_variant_is_not_run() -> None:
    data = _file(random_graph(1))
    with pytest.raises(NotRunError, match="mmx"):
        NativeModel(data, variant="mmx")


def test_run_wrong_shape_or_closed_is_refused() -> None:
    model = NativeModel(_file(random_graph(2)))
    with pytest.raises(BundleError, match="takes uint8"):
        model.run(np.zeros((1, 7, 7, 3), np.uint8))
    model.close()
    model.close()
    with pytest.raises(BundleError, match="closed"):
        model.run(_crops(model.size, 1))
