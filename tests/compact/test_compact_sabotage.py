"""A wrong rule must not get past the proof that every build runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgedf.compact import absorb, build, fold
from edgedf.compact.graph import Affine, Conv2d, Graph, MaxPool2d, Node
from edgedf.compact.proof import prove_equal
from edgedf.errors import CompactError
from tests.ticket_samples import sample_ticket


def _naive_padding(*arguments: Any) -> Any:
    """As if no tap ever read padding: constants go straight into the next bias."""
    return np.zeros(arguments[0].weight_oihw.shape[2:], np.bool_)


def test_naive_constant_folding_is_caught_by_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = sample_ticket(size=64, sparsity=0.98, seed=3, negative_scales=0)
    build.compact_ticket(ticket)
    monkeypatch.setattr(absorb, "padded_taps", _naive_padding)
    with pytest.raises(CompactError, match="the compacted network gives"):
        build.compact_ticket(ticket)


def test_pooling_before_a_falling_batch_norm_is_caught_by_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def swap_always(graph: Graph, node: Node, _: Affine, after: Node, __: object) -> Graph | None:
        return fold._swapped(graph, node, after) if isinstance(after.op, MaxPool2d) else None

    monkeypatch.setattr(fold, "_forward", swap_always)
    with pytest.raises(CompactError, match="the compacted network gives"):
        build.compact_ticket(sample_ticket(size=64, sparsity=0.5, negative_scales=0.5))


def test_one_wrong_weight_is_caught_by_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgedf.compact import rewrite

    honest = rewrite.compact_graph

    def careless(graph: Graph) -> Any:
        small, report = honest(graph)
        node = next(node for node in small.nodes if isinstance(node.op, Conv2d))
        assert isinstance(node.op, Conv2d)
        node.op.weight_oihw.flat[np.abs(node.op.weight_oihw).argmax()] *= np.float32(1.1)
        return small, report

    monkeypatch.setattr(rewrite, "compact_graph", careless)
    with pytest.raises(CompactError, match="the compacted network gives"):
        build.compact_ticket(sample_ticket(size=64, sparsity=0.5))


def test_network_without_finite_logits_is_refused() -> None:
    ticket = sample_ticket(size=32)
    weights = {**ticket.weights, "hidden.bias": np.full(16, 3e38, np.float32)}
    weights["head.weight"] = np.full((1, 16), 3e38, np.float32)
    with pytest.raises(CompactError, match="not finite"):
        build.compact_ticket(replace(ticket, weights=weights))


def test_a_network_that_float32_itself_cannot_hold_is_not_called_a_fault_of_edgedf() -> None:
    class Cancelling(torch.nn.Module):
        """A small mean, and beside it a number so large that float32 loses the mean's digits."""

        def __init__(self, large: float) -> None:
            super().__init__()
            self.large = large

        def forward(self, x_nchw: torch.Tensor) -> torch.Tensor:
            return x_nchw.mean() / 7 + self.large - self.large

    with pytest.raises(CompactError) as caught:
        prove_equal(Cancelling(1e9), Cancelling(0.0), 32)
    assert "float32 rounds the dense network's own logit by" in str(caught.value.hint)
    with pytest.raises(CompactError) as caught:
        prove_equal(Cancelling(0.0), Cancelling(1e9), 32)
    assert "a fault of edgedf" in str(caught.value.hint)
