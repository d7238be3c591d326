"""The crop's bytes: against Pillow and numpy on random cases, against OpenCV, and against the vector file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from crop_oracle import FACTORS, yuv_to_rgb
from crop_property import CLASSES, classes, difference, random_case
from crop_vectors import FILE, vectors

from edgedf.crop import Box, ColorMatrix, Frame, PixelFormat, crop_face, crop_frame
from edgedf.native import crop_core
from edgedf.runtime.images import load_picture

CASES, PARTS = 2400, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_random_crops_equal_the_oracles_bit_for_bit(part: int) -> None:
    seeds = range(part * CASES // PARTS, (part + 1) * CASES // PARTS)
    wrong = {seed: problem for seed in seeds if (problem := difference(random_case(seed)))}
    assert not wrong


def test_vector_file_is_what_the_oracles_say() -> None:
    assert FILE.read_text() == "\n".join(vectors()) + "\n"


def _whole(y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: ColorMatrix) -> np.ndarray:
    """Our conversion of a whole square I420 frame: a crop of its own size changes no pixel."""
    side = y.shape[0]
    frame = Frame(planes=(y, u, v), format=PixelFormat.I420, width=side, height=side, matrix=matrix)
    return crop_frame(frame, Box(0, 0, side, side), size=side, box_scale=1.0)


def _every_triple() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Y, U, V of 64 frames with every triple once: each chroma pair has four pixels, and so four lumas."""
    chroma = np.arange(256, dtype=np.uint8)
    u, v = np.repeat(chroma[:, None], 256, 1), np.repeat(chroma[None], 256, 0)
    for first in range(0, 256, 4):
        yield np.tile(np.arange(first, first + 4, dtype=np.uint8).reshape(2, 2), (256, 256)), u, v


@pytest.mark.parametrize("matrix", list(ColorMatrix))
def test_every_yuv_triple_follows_the_formula(matrix: ColorMatrix) -> None:
    for y, u, v in _every_triple():
        assert np.array_equal(_whole(y, u, v, matrix), yuv_to_rgb(y, u, v, int(matrix)))


def test_full_range_bt601_is_within_one_of_opencv_for_every_triple() -> None:
    worst = 0
    for y, u, v in _every_triple():
        big = [np.repeat(np.repeat(c, 2, 0), 2, 1) for c in (v, u)]
        theirs = cv2.cvtColor(np.stack([y, *big], axis=-1), cv2.COLOR_YCrCb2RGB)
        worst = max(worst, int(cv2.absdiff(_whole(y, u, v, ColorMatrix.BT601), theirs).max()))
    assert worst == 1  # 0 would mean that this compares a thing with itself


def test_factors_are_the_standards_constants_rounded() -> None:
    for matrix, (kr, kb) in ((0, (0.299, 0.114)), (1, (0.2126, 0.0722))):
        kg = 1 - kr - kb
        exact = (2 * (1 - kr), -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg, 2 * (1 - kb))
        assert FACTORS[matrix] == tuple(round(value * 16384) for value in exact)


def test_rotation_is_clockwise_and_mirroring_comes_after() -> None:
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    for rotation in (0, 90, 180, 270):
        for mirrored in (False, True):
            want = np.rot90(stored, -rotation // 90)
            want = want[:, ::-1] if mirrored else want
            frame = Frame.from_array(stored, PixelFormat.RGB888, rotation=rotation, mirrored=mirrored)
            for y in range(want.shape[0]):
                for x in range(want.shape[1]):
                    pixel = crop_frame(frame, Box(x, y, 1, 1), size=1, box_scale=1.0)
                    assert pixel.tolist() == [[want[y, x].tolist()]]


def test_a_bottom_up_picture_is_one_turned_by_180_and_mirrored() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    stored = np.ascontiguousarray(picture[::-1])
    frame = Frame.from_array(stored, PixelFormat.RGB888, rotation=180, mirrored=True)
    got = crop_frame(frame, Box(3, 4, 20, 10), size=16, box_scale=1.3)
    assert np.array_equal(got, crop_face(picture, Box(3, 4, 20, 10), size=16, box_scale=1.3))


def test_views_with_strides_are_cropped_like_their_copies() -> None:
    rng = np.random.default_rng(5)
    base = rng.integers(0, 256, (90, 160, 4), dtype=np.uint8)
    box = Box(5, 6, 40, 30)
    views = (base[..., :3], base[::2, ::3, :3], base[::-1, :, :3], base[:, ::-1, :3], base[..., 2::-1])
    for view in (*views, np.asfortranarray(base[..., :3])):
        copy = np.ascontiguousarray(view)
        got = crop_face(view, box, size=32, box_scale=1.3)
        assert np.array_equal(got, crop_face(copy, box, size=32, box_scale=1.3))


def test_views_with_a_reversed_axis_of_one_pixel_are_cropped_like_their_copies() -> None:
    image = np.random.default_rng(6).integers(0, 256, (10, 20, 3), dtype=np.uint8)
    column = np.ascontiguousarray(image[:, :1])
    views = [image[5:4:-1], np.flipud(image[:1]), np.fliplr(column), column[:, ::-1][::2]]
    views += [image[:1, :1][::-1, ::-1], np.lib.stride_tricks.as_strided(image, (1, 1, 3), (10**9, 7, 1))]
    for view in views:
        got = crop_face(view, Box(0, 0, 5, 5), size=8, box_scale=1.3)
        assert np.array_equal(got, crop_face(view.copy(), Box(0, 0, 5, 5), size=8, box_scale=1.3))


def test_an_rgba_array_is_not_copied_before_the_core_reads_it() -> None:
    rgba = np.random.default_rng(9).integers(0, 256, (90, 160, 4), dtype=np.uint8)
    picture, box = load_picture(rgba), Box(5, 6, 40, 30)
    assert np.shares_memory(picture, rgba)
    assert np.shares_memory(Frame.from_array(picture, PixelFormat.RGB888).planes[0], rgba)
    want = crop_face(np.ascontiguousarray(rgba[..., :3]), box, size=32, box_scale=1.3)
    assert np.array_equal(crop_face(picture, box, size=32, box_scale=1.3), want)


def test_a_grey_array_is_not_copied_before_the_core_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.random.default_rng(10).integers(0, 256, (90, 160), dtype=np.uint8)
    picture, box = load_picture(grey), Box(5, 6, 40, 30)
    assert picture.shape == (90, 160, 3)
    assert np.shares_memory(picture, grey)
    want = crop_face(np.repeat(grey[:, :, None], 3, axis=2), box, size=32, box_scale=1.3)
    frames: list[Frame] = []
    real_crop = crop_core.run_crop

    def spy(frame: Frame, *rest: object) -> object:
        frames.append(frame)
        return real_crop(frame, *rest)

    monkeypatch.setattr(crop_core, "run_crop", spy)
    assert np.array_equal(crop_face(picture, box, size=32, box_scale=1.3), want)
    assert frames[0].format is PixelFormat.GRAY8
    assert np.shares_memory(frames[0].planes[0], grey)


def test_the_random_crops_are_of_every_kind() -> None:
    counts = Counter(name for seed in range(CASES) for name in classes(random_case(seed)))
    few = {name: counts[name] for name in CLASSES if counts[name] < 24}
    assert not few, counts


def test_a_square_of_the_crop_size_is_copied_unchanged() -> None:
    image = np.random.default_rng(6).integers(0, 256, (70, 70, 3), dtype=np.uint8)
    assert np.array_equal(crop_face(image, Box(3, 4, 64, 64), size=64, box_scale=1.0), image[4:68, 3:67])
