"""Face finders: upright picture -> face boxes. One small protocol, so an app can bring its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgedf.crop import Box, crop_square, whole_picture_box
from edgedf.errors import CropError, FileError, NotRunError, UsageError
from edgedf.runtime.libraries import load
from edgedf.runtime.search_view import view_of_array

U8 = npt.NDArray[np.uint8]
_YUNET_HINT = "name an .onnx file of OpenCV's face_detection_yunet"


class Finder(Protocol):
    """Finds faces. Not safe to share between threads."""

    def find(self, image_hwc: U8) -> tuple[Box, ...]:
        """Boxes in pixels of the upright picture (H, W, 3) uint8 RGB, largest face first; () if none."""
        ...


@dataclass(frozen=True, slots=True)
class GivenBoxes:
    """No search: the caller knows where the faces are.

    Raises CropError when built with a box that is not finite or empty.
    """

    boxes: tuple[Box, ...]

    def __post_init__(self) -> None:
        for box in self.boxes:
            crop_square(box, 1.0)

    def find(self, image_hwc: U8) -> tuple[Box, ...]:
        """The boxes as given, in their order. Raises CropError if one does not touch the picture."""
        return self.within(image_hwc.shape[1], image_hwc.shape[0])

    def within(self, width: int, height: int) -> tuple[Box, ...]:
        """The boxes for an upright picture of this size. Raises CropError if one does not touch it.

        A box may leave the picture, but the crop of one that lies beside it holds nothing but repeated edge.
        """
        for box in self.boxes:
            if not _touches(box, width, height):
                place = f"{box.x:g},{box.y:g},{box.width:g},{box.height:g}"
                hint = "boxes are x, y, width, height in pixels of the upright picture"
                raise CropError(f"{place} lies beside the {width} x {height} picture", field="box", hint=hint)
        return self.boxes


@dataclass(frozen=True, slots=True)
class WholePicture:
    """No search: the picture already is a face crop, take its largest centred square.

    Attributes:
        box_scale: the contract's, so that the crop square comes out as that square and not larger.
    """

    box_scale: float

    def find(self, image_hwc: U8) -> tuple[Box, ...]:
        """One box whose crop square is the largest centred square."""
        height, width = image_hwc.shape[:2]
        return self.within(width, height)

    def within(self, width: int, height: int) -> tuple[Box, ...]:
        """The same for a picture of which only the size in pixels is known."""
        return (whole_picture_box(width, height, self.box_scale),)


class HaarFinder:
    """OpenCV's frontal face cascade, which comes with OpenCV: no download, fast, upright frontal faces only.

    Args:
        min_size: smallest face side to look for, as a share of the picture's shorter side, 0.02..1.

    Raises NotRunError if OpenCV is not installed.
    """

    def __init__(self, *, min_size: float = 0.06) -> None:
        if not 0.02 <= min_size <= 1:
            raise CropError(f"is {min_size}, expected 0.02..1", field="min_size")
        self._cv2 = _opencv("the Haar face finder")
        self._min_size = min_size
        path = Path(self._cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
        self._cascade = self._cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            hint = "pip install --force-reinstall 'opencv-python-headless<5'"
            raise NotRunError("OpenCV's face cascade cannot be read", file=path, hint=hint)

    def find(self, image_hwc: U8) -> tuple[Box, ...]:
        """Faces, largest first. Raises CropError on a picture of more than 32,768 pixels a side."""
        view = view_of_array(image_hwc)
        grey = self._cv2.equalizeHist(self._cv2.cvtColor(view.image_hwc, self._cv2.COLOR_RGB2GRAY))
        least = max(20, int(self._min_size * min(grey.shape)))
        found = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(least, least))
        return view.full_size(faces_in([tuple(map(float, row)) for row in found], view.image_hwc))


class YunetFinder:
    """OpenCV's YuNet, a small neural face finder. The model file (.onnx) is the user's own.

    Args:
        model: path of the .onnx file from OpenCV's model zoo.
        confidence: faces below it are dropped, 0..1.

    Raises NotRunError without OpenCV, FileError if the file is missing or no YuNet model.
    """

    def __init__(self, model: Path, *, confidence: float = 0.6) -> None:
        self._cv2 = _opencv("the YuNet face finder")
        if not model.is_file():
            raise FileError("no such file", file=model, hint="download YuNet from OpenCV's model zoo")
        if not 0 <= confidence <= 1:
            raise CropError(f"is {confidence}, expected 0..1", field="confidence")
        try:
            self._net: Any = self._cv2.FaceDetectorYN.create(str(model), "", (320, 320), confidence)
        except self._cv2.error as error:
            raise FileError("is not a YuNet model", file=model, hint=_YUNET_HINT) from error
        self._model = model

    def find(self, image_hwc: U8) -> tuple[Box, ...]:
        """Faces, largest first. Raises FileError if the model is not a face finder, CropError as above."""
        view = view_of_array(image_hwc)
        small = view.image_hwc
        try:
            self._net.setInputSize((small.shape[1], small.shape[0]))
            _, rows = self._net.detect(self._cv2.cvtColor(small, self._cv2.COLOR_RGB2BGR))
        except self._cv2.error as error:
            raise FileError("is not a YuNet model", file=self._model, hint=_YUNET_HINT) from error
        found = [] if rows is None else [tuple(map(float, row[:4])) for row in rows]
        return view.full_size(faces_in(found, small))


def search(finder: Finder, image_hwc: U8) -> tuple[Box, ...]:
    """What a finder finds. Raises UsageError if it gives anything but a tuple (or list) of Boxes."""
    found: object = finder.find(image_hwc)
    if not isinstance(found, tuple | list):
        given = f"a {type(found).__name__}"
    elif strange := [face for face in found if not isinstance(face, Box)]:
        given = f"a {type(found).__name__} with a {type(strange[0]).__name__}"
    else:
        return tuple(found)
    raise UsageError(f"gave {given}, expected a tuple of Boxes, () where no face is", field="finder")


def _touches(box: Box, width: int, height: int) -> bool:
    return box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0


def _opencv(purpose: str) -> Any:
    hint = "pip install 'edgedf[pictures]', or give face boxes"
    return load("cv2", name="OpenCV", purpose=purpose, hint=hint)


def faces_in(rows: Sequence[Sequence[float]], image_hwc: U8) -> tuple[Box, ...]:
    """Boxes of a finder's rows x, y, width, height in pixels, largest first.

    A network may answer with numbers that are not finite, empty boxes and boxes beside the picture; none of
    them is a face.
    """
    height, width = image_hwc.shape[:2]
    boxes = [Box(*row) for row in rows if all(map(math.isfinite, row)) and row[2] > 0 and row[3] > 0]
    inside = [b for b in boxes if _touches(b, width, height)]
    return tuple(sorted(inside, key=lambda b: (-b.width * b.height, b.x, b.y)))
