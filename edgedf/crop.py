"""`edgedf-crop-1`, the one way from a picture and a face box to a crop. Nothing else may crop a face.

Face box in the upright image -> square of side round(box_scale * max(w, h)) on the same centre ->
pixels outside the image repeat the edge -> antialiased triangle-filter resize to size x size,
bit-equal to Pillow's BILINEAR resize -> RGB uint8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError

U8 = npt.NDArray[np.uint8]
MAX_SIDE = 1 << 15


@dataclass(frozen=True, slots=True)
class Box:
    """A face box in pixels of the upright image: left, top, width, height; may leave the image."""

    x: float
    y: float
    width: float
    height: float


def crop_square(box: Box, box_scale: float) -> tuple[int, int, int]:
    """(left, top, side) of the crop square in whole pixels.

    side = max(1, floor(box_scale * max(w, h) + 0.5)); left = floor(x + w / 2 - side / 2 + 0.5), top alike.
    Plain IEEE doubles, so every language computes the same square.
    Raises CropError on a NaN, empty or huge box.
    """
    values = (box.x, box.y, box.width, box.height)
    if (
        not all(math.isfinite(v) for v in values)
        or min(box.width, box.height) <= 0
        or max(map(abs, values)) > 1e6
    ):
        raise CropError(f"box {values} is not finite, or empty, or too large", field="box")
    side = max(1, math.floor(box_scale * max(box.width, box.height) + 0.5))
    if side > MAX_SIDE:
        raise CropError(f"crop square of {side} pixels is larger than {MAX_SIDE}", field="box")
    left = math.floor(box.x + box.width / 2 - side / 2 + 0.5)
    top = math.floor(box.y + box.height / 2 - side / 2 + 0.5)
    return left, top, side


def crop_face(image_hwc: U8, box: Box, *, size: int, box_scale: float) -> U8:
    """The crop (size, size, 3) uint8 RGB of an upright image (H, W, 3) uint8 RGB.

    Raises CropError if the image is not of that form or the box makes no sense.
    """
    from PIL import Image

    if image_hwc.dtype != np.uint8 or image_hwc.ndim != 3 or image_hwc.shape[2] != 3 or 0 in image_hwc.shape:
        raise CropError(
            f"image is {image_hwc.dtype}{image_hwc.shape}, expected uint8 (H, W, 3)", field="image"
        )
    left, top, side = crop_square(box, box_scale)
    rows = np.clip(np.arange(top, top + side), 0, image_hwc.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, image_hwc.shape[1] - 1)
    square = np.ascontiguousarray(image_hwc[rows[:, None], columns[None, :]])
    resized = Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)
