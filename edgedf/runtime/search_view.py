"""What a face finder looks at: a picture or frame shrunk by the crop core, and the way back to its pixels.

One resampler for both: the same pixels have the same faces, whether they come as an array or as a Frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedf.crop import Box, Frame, as_frame, crop_frame, crop_square
from edgedf.errors import CropError

U8 = npt.NDArray[np.uint8]
# Cascades are slow on large pictures and a face of 1/40 of the side is too small to judge anyway.
MAX_SEARCH_SIDE = 1280
# The crop core's largest square: the search looks at one that holds the whole picture.
MAX_SOURCE_SIDE = 32_768


@dataclass(frozen=True, slots=True)
class SearchView:
    """An upright picture (H, W, 3) uint8 RGB for a finder, and where it lies in the full one.

    Attributes:
        image_hwc: the small picture.
        left, top: the full picture's pixel where it begins; not whole, and at most a view's pixel off zero.
        scale: pixels of the full picture per pixel of the small one, >= 1.
    """

    image_hwc: U8
    left: float
    top: float
    scale: float

    def full_size(self, boxes: Sequence[Box]) -> tuple[Box, ...]:
        """Boxes of the small picture in pixels of the full one."""
        scale = self.scale
        return tuple(
            Box(self.left + b.x * scale, self.top + b.y * scale, b.width * scale, b.height * scale)
            for b in boxes
        )


def upright_size(frame: Frame) -> tuple[int, int]:
    """(width, height) of the frame after its rotation."""
    turned = frame.rotation in (90, 270)
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def view_of_array(image_hwc: U8) -> SearchView:
    """The view of an upright picture (H, W, 3): itself up to MAX_SEARCH_SIDE pixels a side.

    Raises CropError if a side has more than MAX_SOURCE_SIDE pixels.
    """
    if max(image_hwc.shape[:2]) <= MAX_SEARCH_SIDE:
        return SearchView(image_hwc, 0.0, 0.0, 1.0)
    return _shrunk(as_frame(image_hwc), "image")


def view_of_frame(frame: Frame) -> SearchView:
    """The view of a raw frame: upright, RGB, at most MAX_SEARCH_SIDE pixels a side.

    Raises CropError if the frame is not what it says or a side has more than MAX_SOURCE_SIDE pixels.
    """
    return _shrunk(frame, "frame")


def _shrunk(frame: Frame, name: str) -> SearchView:
    for side_name, length in (("width", frame.width), ("height", frame.height)):
        if length > MAX_SOURCE_SIDE:
            problem = f"is {length}, faces are looked for up to {MAX_SOURCE_SIDE:,} pixels a side"
            raise CropError(problem, field=f"{name}.{side_name}", hint="give boxes")
    width, height = upright_size(frame)
    # The square's centre is the frame's, so the frame lies in its middle and edges repeat around it.
    whole = Box(0.0, 0.0, float(width), float(height))
    square_left, square_top, side = crop_square(whole, 1.0)
    size = min(side, MAX_SEARCH_SIDE)
    view: U8 = crop_frame(frame, whole, size=size, box_scale=1.0)
    scale = side / size
    rows, columns = (max(1, round(length / scale)) for length in (height, width))
    top, left = (size - rows) // 2, (size - columns) // 2
    image_hwc = np.ascontiguousarray(view[top : top + rows, left : left + columns])
    return SearchView(image_hwc, square_left + left * scale, square_top + top * scale, scale)
