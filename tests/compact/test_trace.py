"""Tracing: what a graph can express becomes one, everything else is an error with the layer's name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgedf.compact.graph import INPUT, Affine, AvgPool2d, Conv2d, Node
from edgedf.compact.module import GraphModule
from edgedf.compact.trace import trace_graph
from edgedf.errors import CompactError
from edgedf.models import ARCHITECTURES
from edgedf.models.layers import Normalize
from tests.compact.networks import pictures
from tests.ticket_samples import sample_ticket


def ended(*layers: nn.Module) -> nn.Sequential:
    """Layers with a head that makes one logit of four channels."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)).eval()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_traced_network_computes_what_the_module_computes(arch: str) -> None:
    dense = sample_ticket(arch, size=64, sparsity=0.5).module()
    graph = trace_graph(dense, (3, 64, 64))
    x = pictures(64, 0).double()
    with torch.no_grad():  # in float64, so that only the rounding of batch norm to float32 is left to see
        wanted, got = dense.double()(x), GraphModule(graph).double()(x)
    assert got.shape == wanted.shape == (len(x), 1)
    assert float((got - wanted).abs().max()) <= 1e-6 * max(1.0, float(wanted.abs().max()))
    layers = dict(dense.named_modules())
    assert all(node.source in layers for node in graph.nodes if node.source)
    assert all(node.name.isidentifier() and node.name != INPUT for node in graph.nodes)


def test_normalisation_is_exact_for_every_pixel_value() -> None:
    graph = trace_graph(ended(Normalize(), nn.Conv2d(3, 4, 1)), (3, 16, 16))
    affine = graph.nodes[0].op
    assert isinstance(affine, Affine)
    values = np.arange(256, dtype=np.float32)
    for channel in range(3):
        exact = Normalize()(torch.from_numpy(values)).numpy()
        assert np.array_equal(values * affine.scale_c[channel] + affine.shift_c[channel], exact)


def test_batch_norm_is_rounded_once() -> None:
    norm = nn.BatchNorm2d(4)
    norm.running_var, norm.running_mean = torch.rand(4) * 1e-3, torch.randn(4) * 100
    norm.weight.data, norm.bias.data = torch.randn(4), torch.randn(4) * 100
    graph = trace_graph(ended(nn.Conv2d(3, 4, 1), norm), (3, 8, 8))
    affine = graph.nodes[1].op
    assert isinstance(affine, Affine)
    variance = norm.running_var.double().numpy()
    scale = norm.weight.detach().double().numpy() / np.sqrt(variance + norm.eps)
    shift = norm.bias.detach().double().numpy() - norm.running_mean.double().numpy() * scale
    assert affine.scale_c == pytest.approx(scale, rel=1.2e-7)
    assert affine.shift_c == pytest.approx(shift, rel=1.2e-7)


def test_global_pooling_takes_the_whole_plane() -> None:
    graph = trace_graph(ended(nn.Conv2d(3, 4, 3)), (3, 12, 9))
    pool = graph.nodes[1].op
    assert isinstance(pool, AvgPool2d)
    assert pool.kernel == (10, 7)


def test_arrays_of_the_graph_are_copies() -> None:
    module = ended(nn.Conv2d(3, 4, 3))
    graph = trace_graph(module, (3, 8, 8))
    before = graph.nodes[0].op
    assert isinstance(before, Conv2d)
    copy = before.weight_oihw.copy()
    with torch.no_grad():
        module[0].weight.zero_()  # type: ignore[union-attr, operator]
    assert np.array_equal(before.weight_oihw, copy)


class Cat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], 1)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if bool(x.sum() > 0) else -x


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class TwoOutputs(nn.Module):
    def forward(self, x: Tensor) -> Any:
        return x + x, x


class ScaledAdd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, x, alpha=2)


class AddOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


class MyConv(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * 2


REFUSED: list[tuple[nn.Module, str]] = [
    (ended(nn.Conv2d(3, 4, 3, dilation=2)), "0: uses dilation"),
    (ended(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), "0: pads with reflect"),
    (ended(nn.Conv2d(3, 4, 3, padding="same")), "0: pads with 'same'"),
    (ended(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)), "1: keeps no running"),
    (ended(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, ceil_mode=True)), "1: uses dilation, ceil_mode"),
    (ended(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2, padding=1)), "1: uses padding"),
    (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 1)),
        "pools to 2",
    ),
    (ended(nn.Conv2d(3, 4, 3), nn.Sigmoid()), "1: unknown layer Sigmoid"),
    (ended(MyConv(3, 4, 3)), r"0\.weight: a tensor is used outside"),
    (ended(nn.Conv2d(3, 2, 3), Cat()), "cat is called in a way"),
    (ended(nn.Conv2d(3, 4, 3), Branching()), "cannot be traced"),
    (ended(nn.Conv2d(3, 4, 3), ScaledAdd()), "unknown operation add"),
    (ended(nn.Conv2d(3, 4, 3), AddOne()), "unknown operation add"),
    (TwoInputs().eval(), "more than one input"),
    (TwoOutputs().eval(), "does not return one tensor"),
    (nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)), r"has shape \(2,\) per image, expected one logit"),
    (nn.Sequential(nn.Conv2d(3, 1, 1)), r"has shape \(1, 8, 8\) per image"),
    (nn.Identity(), "does not return one tensor"),
    (ended(nn.Conv2d(5, 4, 3)), r"cannot take an input of shape \(3, 8, 8\)"),
    (ended(nn.Conv2d(3, 4, 9)), r"cannot take an input of shape \(3, 8, 8\)"),
]


@pytest.mark.parametrize("index", range(len(REFUSED)))
def test_what_a_graph_cannot_express_is_named(index: int) -> None:
    module, message = REFUSED[index]
    with pytest.raises(CompactError, match=message):
        trace_graph(module.eval(), (3, 8, 8))


def test_training_mode_is_refused_with_the_remedy() -> None:
    with pytest.raises(CompactError, match=r"hint: call module\.eval"):
        trace_graph(ended(nn.Conv2d(3, 4, 3)).train(), (3, 8, 8))


def test_graph_with_a_wrong_wire_is_named() -> None:
    graph = trace_graph(ended(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 8, 8))
    first, second, *rest = graph.nodes
    for nodes, message in [
        ((second, first, *rest), "before it is defined"),
        ((first, first, *rest), "two nodes have this name"),
        ((first, Node(name=second.name, op=second.op, inputs=()), *rest), "has 0 inputs, expected 1"),
    ]:
        with pytest.raises(CompactError, match=message):
            type(graph)(input_chw=graph.input_chw, nodes=nodes).shapes()
