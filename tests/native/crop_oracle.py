"""Independent oracles of the crop: Pillow for the resize, numpy for colours and geometry. No code of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

U8 = npt.NDArray[np.uint8]

# BT.601 and BT.709 full range in 1/16384: V->R, U->G, V->G, U->B, as docs/crop.md writes them.
FACTORS = {0: (22970, -5638, -11700, 29032), 1: (25802, -3069, -7670, 30402)}


def square(box: tuple[float, float, float, float], scale: float) -> tuple[int, int, int]:
    """(left, top, side) by the written rule."""
    x, y, w, h = box
    side = max(1, math.floor(scale * max(w, h) + 0.5))
    return math.floor(x + w / 2 - side / 2 + 0.5), math.floor(y + h / 2 - side / 2 + 0.5), side


def yuv_to_rgb(y: U8, u: U8, v: U8, matrix: int) -> U8:
    """(H, W, 3) from Y (H, W) and U, V at half size, by the written integer formula."""
    h, w = y.shape
    full = [np.repeat(np.repeat(c.astype(np.int32), 2, 0), 2, 1)[:h, :w] - 128 for c in (u, v)]
    rv, gu, gv, bu = FACTORS[matrix]
    terms = (rv * full[1], gu * full[0] + gv * full[1], bu * full[0])
    channels = [np.clip(y + np.floor_divide(term + 8192, 16384), 0, 255) for term in terms]
    return np.stack(channels, axis=-1).astype(np.uint8)


def upright(rgb: U8, rotation: int, mirrored: bool) -> U8:
    """Turn clockwise by `rotation` degrees, then flip left to right."""
    turned = np.rot90(rgb, -rotation // 90)
    return turned[:, ::-1] if mirrored else turned


def pillow_crop(rgb: U8, box: tuple[float, float, float, float], scale: float, size: int) -> U8:
    """The crop of an upright RGB image."""
    left, top, side = square(box, scale)
    rows = np.clip(np.arange(top, top + side), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, rgb.shape[1] - 1)
    cut = np.ascontiguousarray(rgb[rows[:, None], columns[None, :]])
    return np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Stored:
    """A frame's bytes in some format, and the RGB picture they mean (as stored)."""

    planes: tuple[U8, ...]
    row_strides: tuple[int, ...]
    pixel_strides: tuple[int, ...]
    rgb: U8


def store(format: int, rng: np.random.Generator, width: int, height: int, matrix: int) -> Stored:
    """A random frame: noise or blocks, padded rows, sometimes spread pixels, or U and V interleaved."""
    pads = [int(p) for p in rng.integers(0, 9, 3)]
    if format <= 3:
        channels = (4, 4, 3, 1)[format]
        step = channels + int(rng.integers(0, 3)) * int(rng.random() < 0.2)
        plane, view = _plane(rng, width, height, step, channels, pads[0])
        order = ([0, 1, 2], [2, 1, 0], [0, 1, 2], [0, 0, 0])[format]
        return Stored((plane,), (width * step + pads[0],), (step,), np.ascontiguousarray(view[..., order]))
    half_w, half_h = (width + 1) // 2, (height + 1) // 2
    y_plane, y = _plane(rng, width, height, 1, 1, pads[0])
    y_stride = width + pads[0]
    if format in (4, 5):
        plane, pair = _plane(rng, half_w, half_h, 2, 2, pads[1])
        v, u = (pair[..., 0], pair[..., 1]) if format == 4 else (pair[..., 1], pair[..., 0])
        rgb = yuv_to_rgb(y[..., 0], u, v, matrix)
        return Stored((y_plane, plane), (y_stride, half_w * 2 + pads[1]), (1, 2), rgb)
    if format == 7 and rng.random() < 0.4:
        uneven = (pads[1], pads[2] if rng.random() < 0.5 else pads[1])
        chroma_planes, chroma_rows, (u, v) = _shared(rng, half_w, half_h, uneven)
        rgb = yuv_to_rgb(y[..., 0], u, v, matrix)
        return Stored((y_plane, *chroma_planes), (y_stride, *chroma_rows), (1, 2, 2), rgb)
    step = 1 if format == 6 else int(rng.integers(1, 4))
    u_plane, u = _plane(rng, half_w, half_h, step, 1, pads[1])
    v_plane, v = _plane(rng, half_w, half_h, step, 1, pads[2])
    strides = (y_stride, half_w * step + pads[1], half_w * step + pads[2])
    rgb = yuv_to_rgb(y[..., 0], u[..., 0], v[..., 0], matrix)
    return Stored((y_plane, u_plane, v_plane), strides, (1, step, step), rgb)


def _plane(
    rng: np.random.Generator, width: int, height: int, step: int, channels: int, pad: int
) -> tuple[U8, U8]:
    """(bytes, (H, W, channels) view of them); the last row ends with its last sample, as on Android."""
    stride = width * step + pad
    data = rng.integers(0, 256, stride * height, dtype=np.uint8)
    if rng.random() < 0.5:  # extremes show clipping and rounding that noise hides
        data = np.where(data < 128, 0, 255).astype(np.uint8)
    shape, strides = (height, width, channels), (stride, step, 1)
    view = np.lib.stride_tricks.as_strided(data, shape, strides)
    used = (height - 1) * stride + (width - 1) * step + channels
    return data[:used].copy(), view


def _shared(
    rng: np.random.Generator, width: int, height: int, pads: tuple[int, int]
) -> tuple[tuple[U8, U8], tuple[int, int], tuple[U8, U8]]:
    """U and V one byte apart in the same memory: (planes, row strides, (H, W) views), either one first."""
    strides = (width * 2 + pads[0], width * 2 + pads[1])
    spans = [(height - 1) * stride + (width - 1) * 2 + 1 for stride in strides]
    starts = (0, 1) if rng.random() < 0.5 else (1, 0)
    data = rng.integers(0, 256, max(a + b for a, b in zip(starts, spans, strict=True)), dtype=np.uint8)
    planes = [data[start : start + span] for start, span in zip(starts, spans, strict=True)]
    views = [
        np.lib.stride_tricks.as_strided(plane, (height, width), (stride, 2))
        for plane, stride in zip(planes, strides, strict=True)
    ]
    return (planes[0], planes[1]), strides, (views[0], views[1])
