"""The cost of each layer: cuts that really are parts of the whole, times that add up to it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from model_graphs import random_graph

from edgedf.analysis.machine_limits import Limits, measure_limits
from edgedf.assembly.layer_cuts import cut
from edgedf.assembly.layers import _costs, layer_costs
from edgedf.assembly.sweep import Work, sparse_network
from edgedf.cli.main import cli
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.native.engine import Step


def _step(**changes: object) -> Step:
    numbers = {"weights": 100, "nonzero": 20, "multiplies": 2000, "table_bytes": 160}
    values = {"layer": "conv", "fused": "conv", "kernel": "sparse", "reason": "few", **numbers}
    shape = (1, 4, 4)
    return Step(
        **{**values, "in_chw": shape, "out_chw": shape, "read_bytes": 64, "write_bytes": 64} | changes
    )


@pytest.mark.parametrize("arch", ["mesonet", "cnn5"])
def test_costs_cover_every_step_once(arch: str) -> None:
    graph = sparse_network(Work(arch=arch, size=64), 0.8).graph
    found = layer_costs(graph, Contract(size=64), seconds=0.2)
    names = [name for cost in found.steps for name in cost.layers.split("; ")]
    weighted = [node.source for node in graph.nodes if hasattr(node.op, "weight_oihw")]
    assert set(weighted) <= set(names)
    assert len(names) == len(set(names))
    assert len(found.steps) >= 4
    total = sum(cost.milliseconds for cost in found.steps)
    assert total <= found.milliseconds * 1.0001
    assert found.kernels in ("avx512", "avx2", "neon", "portable")
    for cost in found.steps:
        assert cost.milliseconds >= 0
        assert cost.share is None or 0 <= cost.share <= 1


def test_every_cut_of_a_random_graph_is_a_network() -> None:
    for seed in range(10):
        graph = random_graph(seed)
        crop = torch.zeros(1, *graph.input_chw)
        for index in range(len(graph.nodes) - 1):
            with torch.no_grad():
                assert GraphModule(cut(graph, index))(crop).shape == (1, 1)


def test_costs_are_differences_beside_the_larger_limit() -> None:
    limits = Limits(multiplies_per_second=1e9, bytes_per_second=1e9)
    steps = [_step(), _step(layer="b", multiplies=10), _step(layer="c")]
    first, second, third = _costs(steps, [1, 2, 3], [0.11, 0.21, 0.20], 0.01, limits)
    assert first.milliseconds == pytest.approx(0.1)
    assert (first.limit, first.multiplies_ms, first.bytes_ms) == ("multiplies", 2e-3, pytest.approx(2.88e-4))
    assert first.share == pytest.approx(0.02)
    assert first.kept == pytest.approx(0.2)
    assert second.limit == "bytes"
    # A step that seems to take less than nothing says nothing.
    assert (third.milliseconds, third.share) == (0.0, None)
    (group,) = _costs(steps[:2], [2], [0.2], 0.0, limits)
    assert (group.layers, group.kernels, group.multiplies) == ("conv; b", "sparse", 2010)


def test_limits_are_a_machines() -> None:
    found = measure_limits()
    assert 1e8 < found.multiplies_per_second < 1e13
    assert 1e8 < found.bytes_per_second < 1e13
    assert torch.get_num_threads() >= 1


@pytest.mark.slow
def test_verb_prints_a_row_for_each_layer() -> None:
    result = CliRunner().invoke(cli, ["bench", "--layers", "--json"])
    assert result.exit_code == 0, result.output
    tree = json.loads(result.stdout)
    assert [step["layers"] for step in tree["steps"]][-1] == "head"
    assert np.isfinite(tree["milliseconds"])
    for wrong in (["--layers", "--threads", "2"], ["--layers", "--target", "tflite"]):
        refused = CliRunner().invoke(cli, ["bench", *wrong])
        assert "--layers: times the native engine on one thread" in str(refused.exception) + refused.output
