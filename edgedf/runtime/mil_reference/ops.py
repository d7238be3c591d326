"""The MIL operations that the reference evaluates, as numpy functions of a Call.

Source of each meaning: coremltools 9.0, "MIL Input Types" and the operation reference for iOS 15 and 16.
Arithmetic is float32. A float16 program gives float16 results: each operation's result is rounded once,
which is what the format promises; a phone's own units may also round inside an operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from edgedf.runtime.mil_reference.call import Array, Call, ProgramError, UnknownOperationError
from edgedf.runtime.mil_reference.windows import avg_pool, conv, max_pool

# Names of MIL data types as they appear in the texts of cast operations.
_CAST_DTYPES = {"fp32": "float32", "fp16": "float16"}


def const(call: Call) -> Array:
    value = call.arguments.get("val")
    # A text constant travels as a 0-d array of Python text, so that every result is an array.
    return np.array(value) if isinstance(value, str) else call.array("val")


def constexpr_sparse_to_dense(call: Call) -> Array:
    """Values where the mask's bits are 1, in order, lowest bit first; zero elsewhere."""
    values, mask = call.array("nonzero_data", rank=1), call.array("mask", rank=1)
    shape = tuple(int(side) for side in call.array("shape", rank=1))
    call.check_result(shape)
    count = math.prod(shape)
    if mask.dtype != np.uint8 or mask.size != (count + 7) // 8:
        raise ProgramError(f"constexpr_sparse_to_dense: mask has {mask.size} bytes for {count} elements")
    places = np.unpackbits(mask, bitorder="little")[:count].astype(bool)
    if int(places.sum()) != values.size:
        raise ProgramError(f"constexpr_sparse_to_dense: {values.size} values for {int(places.sum())} places")
    dense = np.zeros(count, values.dtype)
    dense[places] = values
    return dense.reshape(shape)


def constexpr_cast(call: Call) -> Array:
    return call.array("source_val").astype(_cast_dtype(call, "output_dtype"))


def cast(call: Call) -> Array:
    return call.array("x").astype(_cast_dtype(call, "dtype"))


def _cast_dtype(call: Call, name: str) -> str:
    text = call.text(name)
    if text not in _CAST_DTYPES:
        raise UnknownOperationError(f"{call.operation.type} to {text[:40]!r}")
    return _CAST_DTYPES[text]


def _pair(call: Call) -> tuple[Array, Array]:
    x, y = call.floats("x"), call.floats("y")
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError as error:
        raise ProgramError(f"{call.operation.type}: {x.shape} and {y.shape} do not fit") from error
    call.check_result(shape)
    return x, y


def add(call: Call) -> Array:
    x, y = _pair(call)
    return x + y


def sub(call: Call) -> Array:
    x, y = _pair(call)
    return x - y


def mul(call: Call) -> Array:
    x, y = _pair(call)
    return x * y


def relu(call: Call) -> Array:
    return np.maximum(call.floats("x"), np.float32(0))


def leaky_relu(call: Call) -> Array:
    x, slope = call.floats("x"), call.floats("alpha", rank=0)
    return np.asarray(np.where(x >= 0, x, x * slope))


def sigmoid(call: Call) -> Array:
    x = call.floats("x")
    power = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + power), power / (1 + power)))


def batch_norm(call: Call) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta per channel of x (1, C, H, W)."""
    x = call.floats("x", rank=4)
    parts = {name: call.optional_floats(name, rank=1) for name in ("mean", "variance", "gamma", "beta")}
    if any(part is not None and part.shape != x.shape[1:2] for part in parts.values()):
        raise ProgramError(f"batch_norm: its parameters do not fit {x.shape}")
    mean, variance = call.floats("mean"), call.floats("variance")
    gamma = parts["gamma"] if parts["gamma"] is not None else np.ones_like(mean)
    beta = parts["beta"] if parts["beta"] is not None else np.zeros_like(mean)
    scale: Array = gamma / np.sqrt(variance + call.floats("epsilon", rank=0))
    side = (1, -1, 1, 1)
    return np.asarray(x * scale.reshape(side) + (beta - mean * scale).reshape(side))


def reduce_mean(call: Call) -> Array:
    x = call.floats("x")
    axes = call.integers("axes", tuple(range(x.ndim)))
    if any(not -x.ndim <= axis < x.ndim for axis in axes) or len({a % x.ndim for a in axes}) != len(axes):
        raise ProgramError(f"reduce_mean: axes {axes} do not fit {x.shape}")
    return np.asarray(x.mean(axis=axes, keepdims=call.flag("keep_dims", default=False), dtype=np.float32))


def reshape(call: Call) -> Array:
    x, shape = call.array("x"), call.integers("shape")
    try:
        return x.reshape(shape)
    except ValueError as error:
        raise ProgramError(f"reshape: {x.shape} does not fit {shape}") from error


def linear(call: Call) -> Array:
    """x (..., I) times weight (O, I) transposed, plus bias (O,)."""
    x, weight, bias = call.floats("x"), call.floats("weight", rank=2), call.optional_floats("bias", rank=1)
    fits = x.ndim >= 1 and x.shape[-1] == weight.shape[1]
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        raise ProgramError(f"linear: input {x.shape} does not fit weight {weight.shape}")
    call.check_result((*x.shape[:-1], weight.shape[0]))
    product = x @ weight.T
    return product if bias is None else product + bias


def matmul(call: Call) -> Array:
    x, y = call.floats("x", rank=2), call.floats("y", rank=2)
    x = x.T if call.flag("transpose_x", default=False) else x
    y = y.T if call.flag("transpose_y", default=False) else y
    if x.shape[1] != y.shape[0]:
        raise ProgramError(f"matmul: {x.shape} and {y.shape} do not fit")
    call.check_result((x.shape[0], y.shape[1]))
    return x @ y


OPERATIONS: Mapping[str, Callable[[Call], Array]] = MappingProxyType(
    {
        operation.__name__: operation
        for operation in (
            add, avg_pool, batch_norm, cast, const, constexpr_cast, constexpr_sparse_to_dense, conv,
            leaky_relu, linear, matmul, max_pool, mul, reduce_mean, relu, reshape, sigmoid, sub,
        )
    }
)  # fmt: skip
