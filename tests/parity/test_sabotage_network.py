"""The gate can say no to a wrong network: one fault in it, then converted to every target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from converters import convert
from edgedf.compact.graph import INPUT, Affine, Conv2d, Graph, Node
from edgedf.parity.gate import Outcome
from tests.parity_samples import lively_ticket
from tests.sabotage import (
    FORMS,
    SIZE,
    artifact,
    compacted,
    gate_report,
    honest,
    options,
)


def _first_conv(graph: Graph, change: Callable[[np.ndarray], np.ndarray]) -> Graph:
    nodes = list(graph.nodes)
    at = next(i for i, node in enumerate(nodes) if isinstance(node.op, Conv2d))
    node = nodes[at]
    assert isinstance(node.op, Conv2d)
    weight = np.ascontiguousarray(change(node.op.weight_oihw.copy()))
    nodes[at] = replace(node, op=replace(node.op, weight_oihw=weight))
    return replace(graph, nodes=tuple(nodes))


def _one_weight(graph: Graph) -> Graph:
    def change(weight: np.ndarray) -> np.ndarray:
        weight.flat[np.abs(weight).argmax()] *= 1.1
        return weight

    return _first_conv(graph, change)


def _two_channels(graph: Graph) -> Graph:
    return _first_conv(graph, lambda weight: weight[[1, 0, *range(2, len(weight))]])


def _bgr(graph: Graph) -> Graph:
    return _before(graph, np.eye(3, dtype=np.float32)[::-1].reshape(3, 3, 1, 1).copy())


def _before(graph: Graph, weight_oihw: np.ndarray) -> Graph:
    extra = Node(name="sabotage", op=Conv2d(weight_oihw=weight_oihw), inputs=(INPUT,))
    return _insert(graph, extra)


def _insert(graph: Graph, extra: Node) -> Graph:
    later = tuple(
        replace(node, inputs=tuple("sabotage" if name == INPUT else name for name in node.inputs))
        for node in graph.nodes
    )
    return replace(graph, nodes=(extra, *later))


def _normalised_twice(graph: Graph) -> Graph:
    scale = np.full(3, 1 / 64, np.float32)
    op = Affine(scale_c=scale, shift_c=np.full(3, -2, np.float32))
    return _insert(graph, Node(name="sabotage", op=op, inputs=(INPUT,)))


@pytest.mark.parametrize(("target", "precision"), FORMS)
def test_honest_artifact_passes_what_runs(target: str, precision: str) -> None:
    report = gate_report(artifact(target, honest, precision))
    # Core ML rounds between operations too at float16: nobody knows what its weights should give.
    conversion = () if (target, precision) == ("coreml", "float16") else ("conversion",)
    assert {c.name: c.outcome for c in report.checks if c.name != "auc"} == dict.fromkeys(
        ("names", "shapes", "open", "values", *conversion, "flips"), Outcome.PASS
    )
    assert report.outcome is Outcome.NOT_RUN  # no evaluation crops here, and that is not a pass


@pytest.mark.slow
@pytest.mark.parametrize(("target", "precision"), FORMS)
@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [
        (_one_weight, "max error"),
        (_two_channels, "max error"),
        (_bgr, "it expects BGR"),
        (_normalised_twice, "normalised twice"),
    ],
)
def test_sabotaged_network_is_refused(
    target: str, precision: str, sabotage: Callable[[Graph], Graph], reason: str
) -> None:
    report = gate_report(artifact(target, sabotage, precision))
    check = next(check for check in report.checks if check.outcome is Outcome.FAIL)
    assert report.outcome is Outcome.FAIL
    assert check.name in ("values", "conversion")
    assert reason in check.detail
    assert "worst" in check.detail


@pytest.mark.parametrize(("target", "precision"), FORMS)
def test_other_tickets_model_is_refused(target: str, precision: str) -> None:
    contract = lively_ticket(size=SIZE).contract
    report = gate_report(convert(target, compacted(seed=5).module, contract, options(precision)))
    values = next(check for check in report.checks if check.name == "values")
    assert values.outcome is Outcome.FAIL
    assert len(values.failures) > 10
