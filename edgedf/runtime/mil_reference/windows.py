"""Convolution and pooling in numpy: the operations that slide a window over a plane."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from edgedf.runtime.mil_reference.call import Call, ProgramError, UnknownOperationError

F32 = npt.NDArray[np.float32]
# Windows are gathered in bands of at most this many floats (64 MiB).
_BAND_ELEMENTS = 1 << 24


def conv(call: Call) -> F32:
    """Cross-correlation of x (1, C, H, W) with weight (O, C/groups, KH, KW); zero padding, bias optional."""
    x, weight = call.floats("x", rank=4), call.floats("weight", rank=4)
    groups = call.integer("groups", 1)
    outputs, channels = weight.shape[:2]
    if groups < 1 or x.shape[0] != 1 or x.shape[1] != channels * groups or outputs % groups:
        raise ProgramError(f"conv: input {x.shape} does not fit weight {weight.shape} in {groups} groups")
    if call.integers("dilations", (1, 1)) != (1, 1):
        raise UnknownOperationError("conv with dilation")
    windows = _windows(call, x, (weight.shape[2], weight.shape[3]), fill=0.0)
    bias = call.optional_floats("bias", rank=1)
    if bias is not None and bias.shape != (outputs,):
        raise ProgramError(f"conv: bias {bias.shape} does not fit weight {weight.shape}")
    rows, columns = windows.shape[1:3]
    call.check_result((1, outputs, rows, columns))
    call.check_size((math.prod(weight.shape[1:]), columns), "one row of windows")
    result = np.empty((outputs, rows, columns), np.float32)
    per_group = outputs // groups
    for group in range(groups):
        kernel = weight[group * per_group : (group + 1) * per_group].reshape(per_group, -1)
        part = windows[group * channels : (group + 1) * channels]
        result[group * per_group : (group + 1) * per_group] = _correlate(part, kernel)
    return (result if bias is None else result + bias[:, None, None])[None]


def _correlate(windows: F32, kernel: F32) -> F32:
    """(O, rows, columns) from windows (C, rows, columns, KH, KW) and kernel (O, C*KH*KW), band by band."""
    rows, columns = windows.shape[1:3]
    step = max(1, _BAND_ELEMENTS // max(1, kernel.shape[1] * columns))
    bands = []
    for top in range(0, rows, step):
        band = windows[:, top : top + step].transpose(0, 3, 4, 1, 2)
        flat = np.ascontiguousarray(band).reshape(kernel.shape[1], -1)
        bands.append((kernel @ flat).reshape(kernel.shape[0], -1, columns))
    return np.concatenate(bands, axis=1)


def max_pool(call: Call) -> F32:
    """Maximum over each window of x (1, C, H, W); padding never wins."""
    highest: F32 = _pool_windows(call, fill=-np.inf).max(axis=(-2, -1))
    return highest[None]


def avg_pool(call: Call) -> F32:
    """Mean over each window of x (1, C, H, W); padded places count unless excluded."""
    windows = _pool_windows(call, fill=0.0)
    total: F32 = windows.sum(axis=(-2, -1), dtype=np.float32)
    if not call.flag("exclude_padding_from_average", default=False):
        return total[None] / np.float32(windows.shape[-2] * windows.shape[-1])
    ones = np.ones((1, 1, *call.array("x").shape[2:]), np.float32)
    counts: F32 = _windows(call, ones, call.integers("kernel_sizes"), fill=0.0).sum(axis=(-2, -1))
    mean: F32 = total / np.maximum(counts, np.float32(1))
    return mean[None]


def _pool_windows(call: Call, *, fill: float) -> F32:
    x = call.floats("x", rank=4)
    if x.shape[0] != 1:
        raise ProgramError(f"{call.operation.type}: batch is {x.shape[0]}, expected 1")
    if call.flag("ceil_mode", default=False):
        raise UnknownOperationError(f"{call.operation.type} with ceil_mode")
    windows = _windows(call, x, call.integers("kernel_sizes"), fill=fill)
    call.check_result((1, *windows.shape[:3]))
    return windows


def _windows(call: Call, x: F32, kernel: tuple[int, ...], *, fill: float) -> F32:
    """A view (C, rows, columns, KH, KW) of every window of x (1, C, H, W), after padding."""
    strides = call.integers("strides", (1, 1))
    top, bottom, left, right = _padding(call)
    if len(kernel) != 2 or len(strides) != 2 or min(*kernel, *strides) < 1:
        raise ProgramError(f"{call.operation.type}: kernel {kernel} and strides {strides} make no sense")
    _, channels, height, width = x.shape
    padded = (channels, height + top + bottom, width + left + right)
    call.check_size(padded, "the padded input")
    if padded[1] < kernel[0] or padded[2] < kernel[1]:
        raise ProgramError(f"{call.operation.type}: kernel {kernel} is larger than its input {padded}")
    if (top, bottom, left, right) == (0, 0, 0, 0):
        plane = x[0]
    else:
        plane = np.full(padded, fill, np.float32)
        plane[:, top : top + height, left : left + width] = x[0]
    view: F32 = sliding_window_view(plane, kernel, axis=(1, 2))  # type: ignore[call-overload]
    return view[:, :: strides[0], :: strides[1]]


def _padding(call: Call) -> tuple[int, int, int, int]:
    """Top, bottom, left and right padding."""
    kind = call.text("pad_type")
    if kind == "valid":
        return 0, 0, 0, 0
    if kind != "custom":
        raise UnknownOperationError(f"{call.operation.type} with pad_type {kind[:40]!r}")
    pad = call.integers("pad", (0, 0, 0, 0))
    if len(pad) != 4 or min(pad) < 0:
        raise ProgramError(f"{call.operation.type}: pad {pad} makes no sense")
    return pad[0], pad[1], pad[2], pad[3]
