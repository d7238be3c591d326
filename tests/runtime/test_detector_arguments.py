"""Whatever a program hands to the Detector: a verdict or an error of ours, never a library's exception."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedf import Detector
from edgedf.crop import Box, Frame, PixelFormat
from edgedf.errors import CropError, DataError, EdgedfError, UsageError
from tests.detector_bundle import write_sample

BOX = Box(20.0, 30.0, 60.0, 70.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("arguments") / "sample.edgedf")


@pytest.fixture
def detector(bundle: Path):
    with Detector.open(bundle) as opened:
        yield opened


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (140, 120, 3), dtype=np.uint8)


class Named:
    """A path of another library's."""

    def __init__(self, path: object) -> None:
        self.path = path

    def __fspath__(self) -> object:
        return self.path


class Gives:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def find(self, image_hwc: np.ndarray) -> object:
        return self.answer


def cut_jpeg(picture: np.ndarray) -> Image.Image:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG")
    return Image.open(io.BytesIO(stream.getvalue()[: len(stream.getvalue()) // 2]))


def closed(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    image.close()
    return image


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (cut_jpeg, DataError, r"^image: cannot be read \(.*truncated"),
        (closed, DataError, r"^image: cannot be read \(Operation on closed image"),
        (lambda _: Image.new("La", (140, 120)), DataError, "^image: cannot be read .*La"),
        (lambda _: Image.new("RGB", (0, 9)), CropError, "^image: is 0 x 9 pixels"),
        (lambda _: b"photo.jpg", CropError, "^image: is a bytes"),
        (lambda _: Named(b"photo.jpg"), UsageError, "^image: is a Named, expected a path"),
    ],
    ids=["cut", "closed", "La", "empty", "bytes", "bytes path"],
)
def test_a_picture_that_cannot_be_used_is_an_error_of_ours(
    detector: Detector, picture: np.ndarray, make, error: type[EdgedfError], message: str
) -> None:
    detector.use_finder(Gives(()))
    for boxes in ([BOX], None):
        with pytest.raises(error, match=message):
            detector.detect(make(picture), boxes=boxes)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"])
def test_pillow_modes_are_read(detector: Detector, mode: str) -> None:
    assert len(detector.detect(Image.new(mode, (140, 120)), boxes=[BOX])) == 1


def test_any_path_object_names_a_picture(
    detector: Detector, bundle: Path, picture: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    named = Named(os.fspath(tmp_path / "a.png"))
    assert detector.detect(named, boxes=[BOX])[0].logit == detector.detect(picture, boxes=[BOX])[0].logit
    Detector.open(Named(str(bundle))).close()


@pytest.mark.parametrize("threads", ["2", 2.5, None, True, 0, -1, 65, 10**9, 10**30])
def test_threads_are_a_whole_number_of_1_to_64(bundle: Path, threads: object) -> None:
    with pytest.raises(UsageError, match=r"^threads: is .*, expected a whole number, 1\.\.64"):
        Detector.open(bundle, threads=threads)


def test_numpys_whole_numbers_are_whole_numbers(bundle: Path) -> None:
    Detector.open(bundle, threads=np.int64(2)).close()


@pytest.mark.parametrize("path", [None, b"sample.edgedf", 3, Named(b"sample.edgedf")])
def test_a_bundle_is_a_path(path: object) -> None:
    with pytest.raises(UsageError, match=r"^bundle: is a .*, expected a path"):
        Detector.open(path)


@pytest.mark.parametrize("boxes", [BOX, 3, "abc", [(1, 2, 3, 4)], np.ones((1, 4)), [None]])
def test_boxes_are_a_sequence_of_boxes(detector: Detector, picture: np.ndarray, boxes: object) -> None:
    for image in (picture, Frame.from_array(picture, PixelFormat.RGB888)):
        with pytest.raises(CropError, match=r"^box(es)?: is a .*, expected a"):
            detector.detect(image, boxes=boxes)


@pytest.mark.parametrize("answer", [None, np.zeros((1, 4)), 3, "x", [(1, 2, 3, 4)], (BOX, None)])
def test_a_finder_that_gives_no_boxes_is_named(
    detector: Detector, picture: np.ndarray, answer: object
) -> None:
    detector.use_finder(Gives(answer))
    for image in (picture, Frame.from_array(picture, PixelFormat.RGB888)):
        with pytest.raises(UsageError, match=r"^finder: gave a .*, expected a tuple of Boxes"):
            detector.detect(image)
    detector.use_finder(Gives([BOX]))
    assert [verdict.box for verdict in detector.detect(picture)] == [BOX]


def test_a_finder_can_find(bundle: Path, detector: Detector) -> None:
    with pytest.raises(UsageError, match=r"^finder: is a int, which has no method find"):
        detector.use_finder(3)
    with pytest.raises(UsageError, match=r"^finder: is a bool"):
        Detector.open(bundle, finder=True)


def test_logits_need_an_array(detector: Detector) -> None:
    with pytest.raises(UsageError, match=r"^crops: is a list"):
        detector.logits([1])


@pytest.mark.parametrize("kind", [np.int32, np.float32, np.int64, np.float64, int, float])
def test_a_verdict_is_json_whatever_numbers_made_its_box(
    detector: Detector, picture: np.ndarray, kind: type
) -> None:
    box = Box(*map(kind, (20, 30, 60, 70)))
    assert [type(value) for value in (box.x, box.y, box.width, box.height)] == [float] * 4
    (verdict,) = detector.detect(picture, boxes=[box])
    shown = json.loads(json.dumps(verdict.to_json()))
    assert shown["box"] == {"x": 20.0, "y": 30.0, "width": 60.0, "height": 70.0}


@pytest.mark.parametrize("value", [True, "3", None, np.True_, np.zeros(1), pytest.param(10**400, id="huge")])
def test_a_box_is_of_numbers(value: object) -> None:
    for place, name in enumerate(("x", "y", "width", "height")):
        numbers: list[object] = [1.0, 2.0, 3.0, 4.0]
        numbers[place] = value
        with pytest.raises(CropError, match=rf"^box\.{name}: "):
            Box(*numbers)
