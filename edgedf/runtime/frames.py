"""Faces in raw camera frames: the finder sees an upright RGB view, the crop reads the frame itself."""

from __future__ import annotations

from edgedf.crop import Box, Frame
from edgedf.runtime.finders import Finder, GivenBoxes, WholePicture, search
from edgedf.runtime.search_view import upright_size, view_of_frame


def find_in_frame(frame: Frame, finder: Finder) -> tuple[Box, ...]:
    """Faces of a frame, in pixels of its upright image.

    The finder gets the frame's `SearchView`; given boxes and the whole picture need no search.
    Raises CropError if the frame is not what it says, or if it is to be searched and has more than 32,768
    pixels a side.
    """
    if isinstance(finder, GivenBoxes | WholePicture):
        return finder.within(*upright_size(frame))
    view = view_of_frame(frame)
    return view.full_size(search(finder, view.image_hwc))
