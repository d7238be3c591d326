"""The largest crop that the format allows, and threads that have nothing to do."""

from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pytest
import torch
from test_model_engine import _masked
from test_model_int8 import int8_graph

from converters.native_format.file import model_file
from edgedf.compact.trace import trace_graph
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel


@pytest.mark.slow
def test_run_resnet_at_1024_pixels_equals_pytorch() -> None:
    network = _masked("resnet18", 1024, 0.9)
    graph = trace_graph(network, (3, 1024, 1024))
    crop = np.random.default_rng(4).integers(0, 256, (1, 1024, 1024, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = float(network(torch.from_numpy(crop).permute(0, 3, 1, 2).float())[0, 0])
    for precision, tolerance in (("float32", 1e-5), ("int8", 0.1)):
        data = model_file(graph, Contract(size=1024), precision, {})
        with closing(NativeModel(data)) as model:
            needs = model.needs
            # Of the logit scale, as in the gate: this logit is small.
            assert abs(float(model.run(crop)[0]) - expected) <= tolerance * max(1.0, abs(expected))
            assert needs.workspace_bytes <= 1.5 * needs.largest_pair_bytes


def test_waiting_threads_sleep() -> None:
    """They spin for microseconds after a run; then an open model costs no processor time."""
    graph = int8_graph(1)
    size = graph.input_chw[1]
    data = model_file(graph, Contract(size=size), "int8", {})
    with closing(NativeModel(data, threads=4)) as model:
        model.run(np.zeros((1, size, size, 3), np.uint8))
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.1
