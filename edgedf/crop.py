"""`edgedf-crop-1`, the one way from a picture and a face box to a crop. Nothing else may crop a face.

Face box in the upright image -> square of side floor(box_scale * max(w, h) + 0.5) on the same centre ->
pixels outside the image repeat the edge -> antialiased triangle-filter resize to size x size,
bit-equal to Pillow's BILINEAR resize -> RGB uint8. The C core in edgedf/native does it, here and on phones;
docs/crop.md states the rule in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError
from edgedf.native import crop_core
from edgedf.native.frame import ColorMatrix, Frame, PixelFormat, real

__all__ = [
    "MAX_SIDE",
    "Box",
    "ColorMatrix",
    "Frame",
    "PixelFormat",
    "as_frame",
    "crop_face",
    "crop_frame",
    "crop_square",
    "whole_picture_box",
]

U8 = npt.NDArray[np.uint8]
MAX_SIDE = 1 << 15


@dataclass(frozen=True, slots=True)
class Box:
    """A face box in pixels of the upright image: left, top, width, height; may leave the image.

    Numbers of any kind (numpy's, a finder's) become plain floats. Raises CropError on anything else.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height"):
            value = getattr(self, name)
            if type(value) is not float:
                object.__setattr__(self, name, real(value, f"box.{name}"))


def crop_square(box: Box, box_scale: float) -> tuple[int, int, int]:
    """(left, top, side) of the crop square in whole pixels.

    side = max(1, floor(box_scale * max(w, h) + 0.5)); left = floor(x + w / 2 - side / 2 + 0.5), top alike.
    Plain IEEE doubles, so every language computes the same square.
    Raises CropError on a NaN, empty or huge box, or a box_scale outside (0, 16].
    """
    return crop_core.square_of(_numbers(box), real(box_scale, "box_scale"))


def whole_picture_box(width: int, height: int, box_scale: float) -> Box:
    """The box whose crop square is exactly the largest centred square of a width x height picture.

    The centre is put on the square's own centre, half pixels included, so no rounding can move it.
    """
    side = min(width, height)
    box_side = side / box_scale
    center_x = (width - side) // 2 + side / 2
    center_y = (height - side) // 2 + side / 2
    return Box(center_x - box_side / 2, center_y - box_side / 2, box_side, box_side)


def crop_face(image_hwc: U8, box: Box, *, size: int, box_scale: float) -> U8:
    """The crop (size, size, 3) uint8 RGB of an upright image (H, W, 3) uint8 RGB.

    Views of RGBA pixels, padded rows or a grey picture (broadcast to three channels) are not copied.
    Raises CropError if the image is not of that form, size is outside 1..4096 or the box makes no sense.
    """
    return crop_frame(as_frame(image_hwc), box, size=size, box_scale=box_scale)


def as_frame(image_hwc: U8) -> Frame:
    """The frame of an upright image (H, W, 3) uint8 RGB, read where it lies.

    Raises CropError if the image is not of that form.
    """
    grey = isinstance(image_hwc, np.ndarray) and image_hwc.ndim == 3 and image_hwc.strides[2] == 0
    if grey and image_hwc.shape[2] == 3:
        return Frame.from_array(image_hwc[..., 0], PixelFormat.GRAY8)
    return Frame.from_array(image_hwc, PixelFormat.RGB888)


def crop_frame(
    frame: Frame,
    box: Box,
    *,
    size: int,
    box_scale: float,
    dtype: Literal["uint8", "float32"] = "uint8",
    layout: Literal["NHWC", "NCHW"] = "NHWC",
) -> npt.NDArray[Any]:
    """The crop of a raw frame: (size, size, 3) for NHWC, (3, size, size) for NCHW (float32 only), RGB 0..255.

    `box` is in the upright image, after the frame's rotation and mirroring. Only the pixels that the crop
    needs are read and converted. Safe to call from many threads; the GIL is released.
    Raises CropError if the frame does not hold what it promises, or an argument is out of range.
    """
    if not isinstance(frame, Frame):
        raise CropError(f"is a {type(frame).__name__}, expected a Frame", field="frame")
    scale = real(box_scale, "box_scale")
    return crop_core.run_crop(frame, _numbers(box), size, scale, dtype, layout)


def _numbers(box: Box) -> crop_core.BoxNumbers:
    if not isinstance(box, Box):
        raise CropError(f"is a {type(box).__name__}, expected a Box", field="box")
    width, height = real(box.width, "box.width"), real(box.height, "box.height")
    return real(box.x, "box.x"), real(box.y, "box.y"), width, height
