"""The picture that face finders look at: one resampler for arrays and frames, and an exact way back."""

from __future__ import annotations

import numpy as np
import pytest

from edgedf.crop import Box, Frame, PixelFormat
from edgedf.data.synth.goldens import decode_picture
from edgedf.data.synth.pair import render_pair
from edgedf.errors import CropError
from edgedf.runtime.finders import HaarFinder
from edgedf.runtime.frames import find_in_frame
from edgedf.runtime.search_view import MAX_SEARCH_SIDE, view_of_array, view_of_frame


@pytest.fixture(scope="module")
def portrait() -> tuple[np.ndarray, Box]:
    """A face rendered with more pixels than a search takes: (1400, 1501, 3), and its box."""
    picture = render_pair(3, "golden", 0, 1501)[0]
    return decode_picture(picture.jpeg)[50:1450], Box(picture.box.x, picture.box.y - 50, *_size(picture.box))


def _size(box: Box) -> tuple[float, float]:
    return box.width, box.height


def test_the_same_pixels_have_the_same_faces_as_array_and_as_frame(portrait: tuple[np.ndarray, Box]) -> None:
    image_hwc, box = portrait
    finder = HaarFinder()
    found = finder.find(image_hwc)
    assert abs(found[0].x + found[0].width / 2 - box.x - box.width / 2) < box.width / 4
    assert abs(found[0].y + found[0].height / 2 - box.y - box.height / 2) < box.height / 4
    bgra = np.dstack([image_hwc[:, :, ::-1], np.zeros(image_hwc.shape[:2], np.uint8)])
    turned = np.ascontiguousarray(np.rot90(bgra))
    frames = (
        Frame.from_array(image_hwc, PixelFormat.RGB888),
        Frame.from_array(turned, PixelFormat.BGRA8888, rotation=90),
        Frame.from_array(np.ascontiguousarray(image_hwc[:, ::-1]), PixelFormat.RGB888, mirrored=True),
    )
    assert [find_in_frame(frame, finder) for frame in frames] == [found] * 3


@pytest.mark.parametrize(
    "shape", [(1281, 1280), (1500, 2003), (2003, 1500), (1300, 90), (3, 4001), (1280, 7)]
)
def test_a_view_lies_where_it_says(shape: tuple[int, int]) -> None:
    rows, columns = np.indices(shape)
    # A ramp that reaches 0 and 255 at the edges tells where a pixel of the view comes from.
    ramp = np.stack([rows * 255 / max(shape[0] - 1, 1), columns * 255 / max(shape[1] - 1, 1)], -1).round()
    image_hwc = np.dstack([ramp, ramp[..., :1]]).astype(np.uint8)
    view = view_of_array(image_hwc)
    assert max(view.image_hwc.shape[:2]) == min(max(shape), MAX_SEARCH_SIDE)
    assert np.array_equal(
        view.image_hwc, view_of_frame(Frame.from_array(image_hwc, PixelFormat.RGB888)).image_hwc
    )
    for axis, start in ((0, view.top), (1, view.left)):
        count = view.image_hwc.shape[axis]
        centres = start + (np.arange(count) + 0.5) * view.scale - 0.5
        wanted = np.clip(centres, 0, shape[axis] - 1) * 255 / max(shape[axis] - 1, 1)
        assert abs(start) <= view.scale
        if shape[axis] > 100:
            assert np.abs(view.image_hwc[..., axis].mean(1 - axis) - wanted).max() < 1.5


def test_a_small_picture_is_its_own_view() -> None:
    image_hwc = np.zeros((MAX_SEARCH_SIDE, 40, 3), np.uint8)
    view = view_of_array(image_hwc)
    assert view.image_hwc is image_hwc
    assert view.full_size([Box(1.5, 2.0, 3.0, 4.0)]) == (Box(1.5, 2.0, 3.0, 4.0),)


@pytest.mark.parametrize(("shape", "side"), [((2, 32_769, 3), "width"), ((32_769, 2, 3), "height")])
def test_a_picture_too_wide_to_search_is_named(shape: tuple[int, ...], side: str) -> None:
    with pytest.raises(CropError, match=rf"^image\.{side}: is 32769") as caught:
        HaarFinder().find(np.zeros(shape, np.uint8))
    assert caught.value.hint == "give boxes"
