"""Frames that lie, boxes that make no sense: one CropError that names the argument, never a wrong read."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgedf.crop import Box, Frame, PixelFormat, crop_face, crop_frame, crop_square
from edgedf.errors import CropError
from edgedf.native import crop_core
from edgedf.native.crop_core import run_crop
from edgedf.native.library import load_library

BOX = Box(1, 2, 10, 12)


def nv21(**changes: object) -> Frame:
    """A good 20x10 NV21 frame with some fields changed."""
    planes = (np.zeros(200, np.uint8), np.zeros(100, np.uint8))
    frame = Frame(planes=planes, format=PixelFormat.NV21, width=20, height=10)
    return dataclasses.replace(frame, **changes)


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"width": 0}, "frame.width", "65536"),
        ({"width": 70_000}, "frame.width", "65536"),
        ({"height": -1}, "frame.height", "65536 \\(-1\\)"),
        ({"width": 1 << 40}, "frame.width", "1099511627776, expected -2147483648..2147483647"),
        ({"width": 1 << 9999}, "frame.width", "many digits"),
        ({"height": 12}, "frame.planes", r"fewer bytes .*plane 0: 200 bytes, at least 240"),
        ({"row_strides": (19, 20)}, "frame.row_strides", r"smaller than .*plane 0: 19, at least 20"),
        ({"row_strides": (20, -20)}, "frame.row_strides", r"negative .*plane 1: -20, at least 20"),
        ({"row_strides": (21, 20)}, "frame.planes", r"fewer bytes .*plane 0: 200 bytes, at least 209"),
        ({"row_strides": (20, 1 << 40)}, "frame.planes", r"plane 1: 100 bytes, at least 4398046511124"),
        (
            {"row_strides": (20, 1 << 41)},
            "frame.row_strides",
            r"2\^40 .*plane 1: 2199023255552, at most",
        ),
        ({"row_strides": (1 << 62, 20)}, "frame.row_strides", r"2\^40 bytes \(plane 0: 4611686018427387904"),
        ({"row_strides": (1 << 63, 20)}, "frame.row_strides", "9223372036854775808, expected -"),
        ({"row_strides": (1 << 39, 1 << 39)}, "frame.planes", "fewer bytes"),
        ({"pixel_strides": (1, 1)}, "frame.pixel_strides", r"smaller than .*plane 1: 1, at least 2"),
        ({"pixel_strides": (-1, 2)}, "frame.pixel_strides", r"negative .*plane 0: -1, at least 1"),
        ({"pixel_strides": (1, 1 << 70)}, "frame.pixel_strides", "expected -9223372036854775808"),
        ({"pixel_strides": (1, 1 << 23)}, "frame.planes", "plane 1"),
        (
            {"pixel_strides": (1, 1 << 24)},
            "frame.pixel_strides",
            r"2\^23 .*plane 1: 16777216, at most 8388",
        ),
        ({"pixel_strides": (1, 1 << 50)}, "frame.pixel_strides", r"2\^23 .*plane 1"),
        ({"pixel_strides": (2, 2), "row_strides": (20, 20)}, "frame.row_strides", "plane 0: 20, at least 39"),
        ({"rotation": 45}, "frame.rotation", "0, 90, 180 or 270"),
        ({"mirrored": 2}, "frame.mirrored", "True or False"),
        ({"matrix": 9}, "frame.matrix", "matrix"),
        ({"planes": (np.zeros(0, np.uint8), np.zeros(100, np.uint8))}, "frame.planes", "fewer bytes"),
    ],
)
def test_a_frame_that_lies_is_refused(changes: dict[str, object], field: str, text: str) -> None:
    with pytest.raises(CropError, match=text) as caught:
        crop_frame(nv21(**changes), BOX, size=8, box_scale=1.3)
    assert caught.value.field == field


@pytest.mark.parametrize("value", [None, "16", b"16", 16.0, 90.5, 0.7, True, 1 << 40, [16], np.float32(1)])
@pytest.mark.parametrize("name", ["width", "height", "format", "matrix", "rotation", "mirrored"])
def test_a_field_of_the_wrong_type_is_named(name: str, value: object) -> None:
    if (name, value) == ("mirrored", True):
        return
    with pytest.raises(CropError) as caught:
        nv21(**{name: value})
    assert caught.value.field == f"frame.{name}"


@pytest.mark.parametrize("value", [None, 20, "ab", (20.0, 20), (20, "20"), (None, None), (True, 20)])
@pytest.mark.parametrize("name", ["planes", "row_strides", "pixel_strides"])
def test_a_tuple_of_the_wrong_type_is_named(name: str, value: object) -> None:
    with pytest.raises(CropError) as caught:
        nv21(**{name: value})
    assert caught.value.field == f"frame.{name}"


@pytest.mark.parametrize("value", [None, "16", 16.0, 16.5, True, [16], np.float64(16)])
def test_a_size_of_the_wrong_type_is_named(value: object) -> None:
    with pytest.raises(CropError, match="expected a whole number") as caught:
        crop_frame(nv21(), BOX, size=value, box_scale=1.3)
    assert caught.value.field == "size"


@pytest.mark.parametrize("value", [None, "1.3", True, 1j, [1.3], 10**400])
def test_a_box_or_scale_of_the_wrong_type_is_named(value: object) -> None:
    for name in ("x", "y", "width", "height"):
        with pytest.raises(CropError) as caught:
            crop_square(dataclasses.replace(BOX, **{name: value}), 1.3)
        assert caught.value.field == f"box.{name}"
    with pytest.raises(CropError) as caught:
        crop_frame(nv21(), BOX, size=8, box_scale=value)
    assert caught.value.field == "box_scale"


def test_other_objects_in_place_of_arguments_are_refused() -> None:
    with pytest.raises(CropError, match="expected a Box"):
        crop_square((1, 2, 10, 12), 1.3)
    with pytest.raises(CropError, match="expected a Frame"):
        crop_frame(np.zeros((9, 9, 3), np.uint8), BOX, size=8, box_scale=1.3)
    with pytest.raises(CropError, match="image is a list"):
        crop_face([[0]], BOX, size=8, box_scale=1.3)
    with pytest.raises(CropError, match="no \\['uint8'\\] NHWC output"):
        crop_frame(nv21(), BOX, size=8, box_scale=1.3, dtype=["uint8"])


def test_whole_numbers_of_any_kind_are_taken() -> None:
    plain = crop_frame(nv21(rotation=90, mirrored=True), BOX, size=8, box_scale=1.5)
    other = nv21(format=4, matrix=0, rotation=np.int16(90), mirrored=np.True_, row_strides=[20, np.uint8(20)])
    assert (other.format, other.row_strides) == (PixelFormat.NV21, (20, 20))
    box = Box(np.float32(1), np.int64(2), 10, 12)
    assert np.array_equal(crop_frame(other, box, size=np.uint8(8), box_scale=np.float32(1.5)), plain)


def test_a_frame_with_missing_planes_or_odd_arrays_is_refused() -> None:
    with pytest.raises(CropError, match="NV21 has 2"):
        Frame(planes=(np.zeros(9, np.uint8),), format=PixelFormat.NV21, width=2, height=2)
    with pytest.raises(CropError, match="C-contiguous"):
        Frame(planes=(np.zeros(9, np.float32),), format=PixelFormat.GRAY8, width=2, height=2)
    with pytest.raises(CropError, match="one-plane"):
        Frame.from_array(np.zeros((4, 4), np.uint8), PixelFormat.NV12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1e6, -1.1e6])
@pytest.mark.parametrize("name", ["x", "y", "width", "height"])
def test_a_box_that_is_not_finite_is_refused(name: str, value: float) -> None:
    with pytest.raises(CropError, match="box"):
        crop_square(dataclasses.replace(BOX, **{name: value}), 1.3)


@pytest.mark.parametrize("scale", [math.nan, math.inf, 0.0, -1.0, 16.1])
def test_a_scale_out_of_range_is_refused(scale: float) -> None:
    with pytest.raises(CropError, match="box_scale") as caught:
        crop_square(BOX, scale)
    assert caught.value.field == "box_scale"


def test_empty_and_huge_boxes_are_refused() -> None:
    for box in (Box(0, 0, 0, 5), Box(0, 0, 5, 0), Box(0, 0, -3, 4)):
        with pytest.raises(CropError, match="empty"):
            crop_square(box, 1.3)
    with pytest.raises(CropError, match="32768"):
        crop_square(Box(0, 0, 30_000, 5), 1.3)


@pytest.mark.parametrize("size", [0, -1, 4097, 1 << 33])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(CropError):
        crop_face(np.zeros((4, 4, 3), np.uint8), BOX, size=size, box_scale=1.3)


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(CropError, match="uint8 NCHW"):
        crop_frame(nv21(), BOX, size=8, box_scale=1.3, dtype="uint8", layout="NCHW")


def test_pictures_of_the_wrong_form_are_refused() -> None:
    for image in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ):
        with pytest.raises(CropError, match="image is"):
            crop_face(image, BOX, size=8, box_scale=1.3)


def test_null_pointers_and_small_buffers_get_a_status() -> None:
    library = load_library()
    assert library.edgedf_crop(None, None, None, ctypes.c_size_t(0), None, ctypes.c_size_t(0)) == 1
    assert library.edgedf_crop_square(None, ctypes.c_double(1.3), None) == 1
    assert library.edgedf_crop_workspace(100, 100, None) == 1
    library.edgedf_crop_status_text.restype = ctypes.c_char_p
    texts = [library.edgedf_crop_status_text(number).decode() for number in range(-1, 21)]
    assert texts[0] == texts[-1] == "unknown status"
    assert len(set(texts)) == 21


@pytest.mark.parametrize("without", [8, 1 << 31, 0xFFFFFFFF])
def test_unknown_instruction_sets_are_refused(without: int) -> None:
    with pytest.raises(CropError, match="unknown instruction set"):
        run_crop(nv21(), (1.0, 2.0, 10.0, 12.0), 8, 1.3, "uint8", "NHWC", without)


@pytest.mark.parametrize("reserved", [1, 1 << 31])
def test_a_reserved_field_that_is_not_zero_is_refused(reserved: int) -> None:
    frame = crop_core.frame_bytes(nv21())
    request = crop_core.request_bytes((1.0, 2.0, 10.0, 12.0), 1.3, 8, 0, 0, reserved)
    buffer = ctypes.create_string_buffer(64)
    status = load_library().edgedf_crop(frame, request, buffer, 64, buffer, 64)
    assert status == 16


def test_threads_do_not_disturb_each_other() -> None:
    image = np.random.default_rng(8).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    boxes = [Box(x, x / 2, 50 + x, 60) for x in range(40)]
    alone = [crop_face(image, box, size=64, box_scale=1.3) for box in boxes]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda box: crop_face(image, box, size=64, box_scale=1.3), boxes * 3)
        assert all(np.array_equal(a, b) for a, b in zip(alone * 3, together, strict=True))
