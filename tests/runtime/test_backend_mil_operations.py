"""Each MIL operation of the reference against PyTorch, an independent oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgedf.runtime.mil_reference.call import Call, ProgramError, UnknownOperationError
from edgedf.runtime.mil_reference.ops import OPERATIONS
from edgedf.runtime.mil_reference.program import Operation

Array = npt.NDArray[Any]


def _run(kind: str, **arguments: Any) -> Array:
    values = {
        name: value if isinstance(value, str) else np.asarray(value) for name, value in arguments.items()
    }
    return OPERATIONS[kind](Call(Operation(type=kind), values))


def _normal(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _close(got: Array, expected: torch.Tensor) -> None:
    assert got.shape == tuple(expected.shape)
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-4, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    side=st.tuples(st.integers(5, 13), st.integers(5, 13)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    groups=st.integers(1, 3),
    bias=st.booleans(),
)
def test_conv_equals_torch(
    seed: int,
    side: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int],
    groups: int,
    bias: bool,
) -> None:
    x, weight = _normal(seed, 1, 2 * groups, *side), _normal(seed + 1, 4 * groups, 2, *kernel)
    extra = {"bias": _normal(seed + 2, 4 * groups)} if bias else {}
    got = _run(
        "conv",
        x=x,
        weight=weight,
        strides=stride,
        pad_type="custom",
        pad=(pad[0], pad[0], pad[1], pad[1]),
        dilations=(1, 1),
        groups=groups,
        **extra,
    )
    shift = torch.from_numpy(extra["bias"]) if bias else None
    _close(got, F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), shift, stride, pad, 1, groups))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    kernel=st.integers(2, 4),
    stride=st.integers(1, 4),
    pad=st.integers(0, 1),
    exclude=st.booleans(),
)
def test_pooling_equals_torch(seed: int, kernel: int, stride: int, pad: int, exclude: bool) -> None:
    x = _normal(seed, 1, 3, 9, 11)
    sliding: dict[str, Any] = {
        "x": x,
        "kernel_sizes": (kernel, kernel),
        "strides": (stride, stride),
        "pad_type": "custom",
        "pad": (pad,) * 4,
        "ceil_mode": np.array(False),
    }
    _close(_run("max_pool", **sliding), F.max_pool2d(torch.from_numpy(x), kernel, stride, pad))
    got = _run("avg_pool", **sliding, exclude_padding_from_average=np.array(exclude))
    expected = F.avg_pool2d(torch.from_numpy(x), kernel, stride, pad, count_include_pad=not exclude)
    _close(got, expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), rows=st.integers(1, 5), inner=st.integers(1, 40), outer=st.integers(1, 9))
def test_linear_and_matmul_equal_torch(seed: int, rows: int, inner: int, outer: int) -> None:
    x, weight, bias = _normal(seed, rows, inner), _normal(seed + 1, outer, inner), _normal(seed + 2, outer)
    expected = F.linear(*map(torch.from_numpy, (x, weight, bias)))
    _close(_run("linear", x=x, weight=weight, bias=bias), expected)
    _close(_run("matmul", x=x, y=weight, transpose_y=np.array(True)) + bias, expected)
    _close(_run("matmul", x=x.T, y=weight.T, transpose_x=np.array(True)) + bias, expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), slope=st.floats(0.0, 1.0, width=32))
def test_pointwise_operations_equal_torch(seed: int, slope: float) -> None:
    x, y = _normal(seed, 1, 3, 4, 5), _normal(seed + 1, 1, 3, 1, 1)
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    _close(_run("add", x=x, y=y), a + b)
    _close(_run("sub", x=x, y=y), a - b)
    _close(_run("mul", x=x, y=y), a * b)
    _close(_run("relu", x=x), F.relu(a))
    _close(_run("sigmoid", x=30 * x), torch.sigmoid(30 * a))
    _close(_run("leaky_relu", x=x, alpha=np.float32(slope)), F.leaky_relu(a, float(np.float32(slope))))
    _close(_run("reduce_mean", x=x, axes=(-2, -1), keep_dims=np.array(True)), a.mean((2, 3), keepdim=True))
    _close(_run("reshape", x=x, shape=(1, -1)), a.flatten(1))
    mean, variance, gamma, beta = (abs(_normal(seed + i, 3)) + 0.1 for i in range(4))
    got = _run(
        "batch_norm", x=x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=np.float32(1e-5)
    )
    _close(got, F.batch_norm(a, *map(torch.from_numpy, (mean, variance, gamma, beta)), eps=1e-5))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), sparsity=st.floats(0, 1))
def test_sparse_weights_come_back_whole(seed: int, sparsity: float) -> None:
    dense = _normal(seed, 3, 5, 3, 3)
    dense[np.random.default_rng(seed).random(dense.shape) < sparsity] = 0
    mask = dense != 0
    bits = np.packbits(mask, bitorder="little")
    shape = np.array(dense.shape, np.uint32)
    got = _run("constexpr_sparse_to_dense", nonzero_data=dense[mask], mask=bits, shape=shape)
    assert np.array_equal(got, dense)


def test_casts_round_to_half_once() -> None:
    x = np.array([1.0, 1.0004884, 70000.0], np.float32)
    with np.errstate(over="ignore"):
        half = _run("cast", x=x, dtype="fp16")
        assert half.dtype == np.float16
        assert np.array_equal(half, x.astype(np.float16))
    assert _run("cast", x=half, dtype="fp32").dtype == np.float32
    assert _run("constexpr_cast", source_val=half, output_dtype="fp32").dtype == np.float32


_X = np.zeros((1, 2, 4, 4), np.float32)
_POOL: dict[str, Any] = {"x": _X, "kernel_sizes": (2, 2), "strides": (2, 2), "pad_type": "valid"}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("conv", {"x": _X, "weight": np.zeros((1, 3, 1, 1), np.float32), "pad_type": "valid"}),
        ("conv", {"x": _X, "weight": np.zeros((1, 2, 5, 5), np.float32), "pad_type": "valid"}),
        ("conv", {"x": _X, "weight": np.zeros((1, 2, 1, 1), np.float32), "pad_type": "valid", "groups": 0}),
        ("conv", {"x": _X, "weight": np.zeros((1, 2, 1, 1), np.float32)}),
        ("max_pool", _POOL | {"strides": (0, 0)}),
        ("max_pool", _POOL | {"pad_type": "custom", "pad": (60000, 60000, 60000, 60000)}),
        ("max_pool", _POOL | {"pad_type": "custom", "pad": (-1, 0, 0, 0)}),
        ("max_pool", _POOL | {"kernel_sizes": (1 << 20, 1)}),
        ("add", {"x": _X, "y": np.zeros(3, np.float32)}),
        ("add", {"x": _X, "y": np.zeros(4, np.int32)}),
        ("add", {"x": np.zeros((1 << 14, 1), np.float32), "y": np.zeros((1, 1 << 14), np.float32)}),
        ("reshape", {"x": _X, "shape": (5, 5)}),
        ("reshape", {"x": _X, "shape": (-1, -1)}),
        ("linear", {"x": _X, "weight": np.zeros((2, 3), np.float32)}),
        ("matmul", {"x": np.zeros((2, 3), np.float32), "y": np.zeros((2, 3), np.float32)}),
        ("reduce_mean", {"x": _X, "axes": (7,)}),
        ("batch_norm", {"x": _X, "mean": np.zeros(3, np.float32), "variance": np.ones(3, np.float32)}),
        (
            "constexpr_sparse_to_dense",
            {
                "nonzero_data": np.zeros(1, np.float32),
                "mask": np.zeros(1, np.uint8),
                "shape": np.array([1 << 31, 1 << 31], np.uint32),
            },
        ),
        (
            "constexpr_sparse_to_dense",
            {
                "nonzero_data": np.zeros(2, np.float32),
                "mask": np.array([1], np.uint8),
                "shape": np.array([8], np.uint32),
            },
        ),
    ],
)
def test_nonsense_is_refused(kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ProgramError):
        _run(kind, **arguments)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("max_pool", _POOL | {"pad_type": "same"}),
        ("max_pool", _POOL | {"ceil_mode": np.array(True)}),
        ("cast", {"x": _X, "dtype": "int8"}),
    ],
)
def test_what_is_not_evaluated_is_named(kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(UnknownOperationError, match=kind):
        _run(kind, **arguments)
