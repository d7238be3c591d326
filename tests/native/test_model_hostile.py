"""Whole and checksummed model files that mean harm: refused, or answered right."""

from __future__ import annotations

import numpy as np
import pytest
from model_bytes import FLATTEN, linear, model_bytes, node

from edgedf.compact.graph import INPUT, Flatten, Graph, Linear, Node
from edgedf.contract import Contract
from edgedf.errors import BundleError
from edgedf.native.engine import NativeModel

FEATURES = 16 * 16 * 3
RELU = 3
CROP = np.full((1, 16, 16, 3), 200, np.uint8)


def _weight(outputs: int, value: float, kept: int = 1) -> np.ndarray:
    weight = np.zeros((outputs, FEATURES), np.float32)
    weight[:, :kept] = value
    return weight


def test_open_unread_branch_is_refused() -> None:
    """Fusion could compute it last, and its first number would then be taken for the logit."""
    first, second = _weight(1, 1), _weight(5, -7)
    nodes = [node(FLATTEN, 0), linear(1, first), linear(1, second), node(RELU, 2)]
    with pytest.raises(BundleError, match="makes no sense"):
        NativeModel(model_bytes(nodes, [first, second]))
    assert NativeModel(model_bytes(nodes[:2], [first])).run(CROP)[0] == 200


def test_model_file_leaves_an_unread_branch_out() -> None:
    from converters.native_format.file import model_file

    nodes = (
        Node(name="flat", op=Flatten(), inputs=(INPUT,)),
        Node(
            name="dead", op=Linear(weight_oi=_weight(5, -7), bias_o=np.zeros(5, np.float32)), inputs=("flat",)
        ),
        Node(
            name="logit", op=Linear(weight_oi=_weight(1, 1), bias_o=np.zeros(1, np.float32)), inputs=("flat",)
        ),
    )
    model = NativeModel(
        model_file(Graph(input_chw=(3, 16, 16), nodes=nodes), Contract(size=16), "float32", {})
    )
    assert model.needs.weights == FEATURES
    assert model.run(CROP)[0] == 200


@pytest.mark.parametrize("variant", [None, "portable"])
@pytest.mark.parametrize("signs", [(1, 1), (1, -1)])
def test_run_overflowing_weights_is_an_error(variant: str | None, signs: tuple[int, int]) -> None:
    """Infinite or NaN: `NaN >= threshold` is false, so a verdict would say "real"."""
    weight = _weight(1, 3e38, kept=FEATURES)
    weight[0, ::2] *= signs[0]
    weight[0, 1::2] *= signs[1]
    model = NativeModel(model_bytes([node(FLATTEN, 0), linear(1, weight)], [weight]), variant=variant)
    with pytest.raises(BundleError, match="not a finite number"):
        model.run(CROP)


def _slow_file(size: int, kernel: int) -> bytes:
    """A few hundred bytes: one average pool with overlapping windows, then one that leaves little."""
    side = (size - kernel) // 1 + 1
    left = (side - 255) // 255 + 1
    weight = np.zeros((1, 3 * left * left), np.float32)
    weight[0, 0] = 1
    pools = [node(7, 0, kernel, kernel, 1, 1), node(7, 1, 255, 255, 255, 255)]
    nodes = [*pools, node(FLATTEN, 2), linear(3, weight)]
    return model_bytes(nodes, [weight], contract=Contract(size=size))


def test_open_unbounded_work_is_refused() -> None:
    with pytest.raises(BundleError, match="limits"):
        NativeModel(_slow_file(1024, 255))
    model = NativeModel(_slow_file(512, 8))
    assert model.needs.work >= 3 * 505 * 505 * 64


def test_open_first_layer_with_a_long_stride_has_room_for_whole_rows() -> None:
    """Its sums are a few numbers wide, but the rows of the crop that it takes apart are not."""
    from edgedf.compact.graph import Conv2d

    weight = np.ones((1, 3, 200, 200), np.float32) / 1000
    conv = Conv2d(weight_oihw=weight, bias_o=None, stride=(255, 255), padding=(0, 0), groups=1)
    outputs = Linear(weight_oi=np.ones((1, 16), np.float32), bias_o=np.zeros(1, np.float32))
    nodes = (
        Node(name="conv", op=conv, inputs=(INPUT,)),
        Node(name="flat", op=Flatten(), inputs=("conv",)),
        Node(name="logit", op=outputs, inputs=("flat",)),
    )
    from converters.native_format.file import model_file

    graph = Graph(input_chw=(3, 1024, 1024), nodes=nodes)
    model = NativeModel(model_file(graph, Contract(size=1024), "float32", {}))
    crop = np.zeros((1, 1024, 1024, 3), np.uint8)
    crop[:, :, ::255] = 1
    assert np.isclose(model.run(crop)[0], 4 * 4 * 3 * 200 / 1000, rtol=1e-5)
    assert model.needs.bytes_per_thread > 3 * (1024 + 256) * 4
