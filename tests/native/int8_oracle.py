"""8-bit convolutions as docs/native.md defines them, in numpy: float32 steps round once, sums are exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.native_format.weights import F32_FORM, store_weights
from edgedf.compact.graph import INPUT, Add, Affine, Conv2d, Graph, LeakyRelu, MaxPool2d, Relu

ROUNDER = np.float32(12582912.0)
LEAST_RANGE = np.float32(2.0**-100)


@dataclass(frozen=True)
class Quantised:
    """Bytes 0..255 of a tensor; byte b stands for (b - zero) * step."""

    bytes_chw: np.ndarray
    zero: int
    step: np.float32


def quantise(x_chw: np.ndarray) -> Quantised:
    """A float32 tensor (C, H, W) on 256 levels between its own least and greatest value, zero included."""
    low, high = np.float32(min(0.0, x_chw.min())), np.float32(max(0.0, x_chw.max()))
    width = np.float32(high - low)
    step = inverse = np.float32(0.0)
    if width >= LEAST_RANGE:
        step, inverse = np.float32(width / np.float32(255.0)), np.float32(np.float32(255.0) / width)
    zero = np.float32(np.float32(-low) * inverse) + ROUNDER - ROUNDER
    levels = (x_chw * inverse).astype(np.float32) + np.float32(ROUNDER + zero)
    return Quantised(np.clip(levels - ROUNDER, 0, 255).astype(np.int64), int(zero), step)


def conv_int8(x_chw: np.ndarray, op: Conv2d) -> np.ndarray:
    """float32 (O, H, W): exact sums of (byte - zero) * weight, then one multiply and one addition."""
    q = quantise(x_chw)
    weight, scale = _weights(op)
    (pad_h, pad_w), (stride_h, stride_w) = op.padding, op.stride
    bytes_chw = np.pad(q.bytes_chw - q.zero, ((0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    _, _, kernel_h, kernel_w = weight.shape
    height = (bytes_chw.shape[1] - kernel_h) // stride_h + 1
    width = (bytes_chw.shape[2] - kernel_w) // stride_w + 1
    sums = np.zeros((len(weight), height, width), np.int64)
    for dy in range(kernel_h):
        for dx in range(kernel_w):
            rows = slice(dy, dy + height * stride_h, stride_h)
            columns = slice(dx, dx + width * stride_w, stride_w)
            part = bytes_chw[:, rows, columns][:, :height, :width]
            sums += np.einsum("oc,chw->ohw", weight[:, :, dy, dx], part)
    assert np.abs(sums).max() < 2**31
    factor = (q.step * scale).astype(np.float32)
    product = (sums.astype(np.float32) * factor[:, None, None]).astype(np.float32)
    bias = np.zeros(len(weight), np.float32) if op.bias_o is None else op.bias_o
    return (product + bias[:, None, None]).astype(np.float32)


def _weights(op: Conv2d) -> tuple[np.ndarray, np.ndarray]:
    """(weights as whole numbers -127..127, scale of each output channel) that an int8 file stores."""
    stored = store_weights(op.weight_oihw, "int8", "conv")
    high = stored.high.astype(np.int64).reshape(op.weight_oihw.shape)
    scales = np.frombuffer(stored.scales, "<f4" if stored.scale_form == F32_FORM else "<f2")
    return np.where(high & 128, -(high & 127), high & 127), scales.astype(np.float32)


def run_int8(graph: Graph, crop_hwc: np.ndarray) -> float:
    """The logit of a graph whose convolutions are all computed in 8-bit integers."""
    values = {INPUT: crop_hwc.transpose(2, 0, 1).astype(np.float32)}
    for node in graph.nodes:
        values[node.name] = _apply(node.op, [values[name] for name in node.inputs])
    return float(values[graph.nodes[-1].name].item())


def _apply(op: object, inputs: list[np.ndarray]) -> np.ndarray:
    x = inputs[0]
    match op:
        case Conv2d():
            return conv_int8(x, op)
        case Affine():
            scaled = (x * op.scale_c[:, None, None]).astype(np.float32)
            return (scaled + op.shift_c[:, None, None]).astype(np.float32)
        case Relu():
            return np.maximum(x, np.float32(0))
        case LeakyRelu():
            return np.where(x >= 0, x, (x * np.float32(op.slope)).astype(np.float32))
        case Add():
            return (x + inputs[1]).astype(np.float32)
        case MaxPool2d():
            return _max_pool(x, op)
    return x.reshape(1)


def _max_pool(x: np.ndarray, op: MaxPool2d) -> np.ndarray:
    (kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w) = op.kernel, op.stride, op.padding
    padded = np.pad(x, ((0, 0), (pad_h, pad_h), (pad_w, pad_w)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel_h, kernel_w), (1, 2))
    return windows[:, ::stride_h, ::stride_w].max((3, 4))
