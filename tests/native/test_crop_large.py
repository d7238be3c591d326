"""The largest frames and squares, against Pillow: only the pixels around the square are ever touched."""

from __future__ import annotations

from collections.abc import Callable

import crop_oracle as oracle
import numpy as np
import pytest
from PIL import Image

from edgedf.crop import Frame, PixelFormat
from edgedf.native.crop_core import cpu_features, run_crop

SIDE = 20_000
PATCH = 2_000  # the corner that has content; the other pages are never touched and cost nothing
WITHOUT = sorted({0, 2, 7} if cpu_features() & 2 else {0, 7})  # AVX2 or NEON, SSE4.1, portable


def _noise(count: int, *shape: int) -> oracle.U8:
    return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)


def _corner(image: oracle.U8, samples: int) -> oracle.U8:
    """The last rows and columns of a plane of zeros, with noise in them."""
    corner = image[-samples:, -samples:]
    corner[:] = _noise(samples, *corner.shape)
    return corner


def _gray() -> tuple[Frame, oracle.U8]:
    image = np.zeros((SIDE, SIDE), np.uint8)
    corner = _corner(image, PATCH)
    return Frame.from_array(image, PixelFormat.GRAY8), np.repeat(corner[..., None], 3, axis=2)


def _rgb() -> tuple[Frame, oracle.U8]:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    return Frame.from_array(image, PixelFormat.RGB888), _corner(image, PATCH)


def _nv21() -> tuple[Frame, oracle.U8]:
    y, vu = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE // 2, SIDE // 2, 2), np.uint8)
    luma, pairs = _corner(y, PATCH), _corner(vu, PATCH // 2)
    frame = Frame(planes=(y, vu), format=PixelFormat.NV21, width=SIDE, height=SIDE)
    return frame, oracle.yuv_to_rgb(luma, pairs[..., 1], pairs[..., 0], 0)


@pytest.mark.parametrize("make", [_gray, _rgb, _nv21])
@pytest.mark.parametrize("corner_box", [(1100.0, 1200.0, 700.0, 500.0), (1700.5, 900.0, 300.0, 400.0)])
def test_an_image_of_20000_by_20000_is_cropped_as_pillow_does(
    make: Callable[[], tuple[Frame, oracle.U8]], corner_box: tuple[float, float, float, float]
) -> None:
    frame, corner = make()
    x, y, w, h = corner_box
    box = (x + SIDE - PATCH, y + SIDE - PATCH, w, h)
    left, top, _ = oracle.square(corner_box, 1.3)
    assert min(left, top) > 0  # the square lies in the corner, or leaves the image where the corner ends too
    want = oracle.pillow_crop(corner, corner_box, 1.3, 128)
    for without in WITHOUT:
        assert np.array_equal(run_crop(frame, box, 128, 1.3, "uint8", "NHWC", without), want), without


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("content", ["white", "noise", "edges"])
def test_the_largest_square_is_resized_as_pillow_does(content: str, size: int) -> None:
    # 3 rows of 40,000 pixels under a square of 32,768: up to 32,768 taps per output, in both directions.
    image = _noise(size, 3, 40_000)
    if content != "noise":
        image[:] = 255 if content == "white" else np.where(image < 128, 0, 255)
    box = (1000.0, -16_384.0, 32_768.0, 32_768.0)
    left, top, side = oracle.square(box, 1.0)
    assert side == 32_768
    row_numbers = np.clip(np.arange(top, top + side), 0, 2)
    small = [_resized(row[None, left : left + side], size, 1)[0] for row in image]
    want = _resized(np.stack(small)[row_numbers], size, size)
    frame = Frame.from_array(image, PixelFormat.GRAY8)
    for without in WITHOUT:
        got = run_crop(frame, box, size, 1.0, "uint8", "NHWC", without)
        assert np.array_equal(got, np.repeat(want[..., None], 3, axis=2)), without


def _resized(gray: oracle.U8, width: int, height: int) -> oracle.U8:
    """By Pillow, which resizes the rows first too."""
    return np.asarray(Image.fromarray(gray).resize((width, height), Image.Resampling.BILINEAR))
