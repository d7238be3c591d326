"""Faces in raw camera frames: the finder sees an upright RGB view, the crop reads the frame itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgedf.crop import Box, Frame, crop_frame
from edgedf.errors import CropError
from edgedf.runtime.finders import MAX_SEARCH_SIDE, Finder, GivenBoxes, WholePicture

U8 = npt.NDArray[np.uint8]
# The crop core's largest square: the search looks at one that holds the whole frame.
MAX_FRAME_SIDE = 32_768


def upright_size(frame: Frame) -> tuple[int, int]:
    """(width, height) of the frame after its rotation."""
    turned = frame.rotation in (90, 270)
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def find_in_frame(frame: Frame, finder: Finder) -> tuple[Box, ...]:
    """Faces of a frame, in pixels of its upright image.

    The finder gets a square that holds the whole frame, made by the same core as the crops and at most
    MAX_SEARCH_SIDE wide; given boxes and the whole picture need no search. Raises CropError if the frame is
    not what it says, or is to be searched and has a side of more than MAX_FRAME_SIDE pixels.
    """
    width, height = upright_size(frame)
    if isinstance(finder, GivenBoxes | WholePicture):
        return finder.within(width, height)
    for name, length in (("width", frame.width), ("height", frame.height)):
        if length > MAX_FRAME_SIDE:
            problem = f"is {length}, a frame is searched for faces up to {MAX_FRAME_SIDE:,} pixels a side"
            raise CropError(problem, field=f"frame.{name}", hint="give boxes")
    side = max(width, height)
    size = min(side, MAX_SEARCH_SIDE)
    # The square's centre is the frame's, so the frame lies in its middle and edges repeat around it.
    view: U8 = crop_frame(frame, Box(0.0, 0.0, float(width), float(height)), size=size, box_scale=1.0)
    rows, columns = (max(1, round(length * size / side)) for length in (height, width))
    top, left = (size - rows) // 2, (size - columns) // 2
    found = finder.find(np.ascontiguousarray(view[top : top + rows, left : left + columns]))
    scale = side / size
    return tuple(Box(*(value * scale for value in (b.x, b.y, b.width, b.height))) for b in found)
