"""A camera frame as it lies in memory: planes, strides, pixel format, rotation. Nothing is copied."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import IntEnum
from numbers import Real

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError

U8 = npt.NDArray[np.uint8]
MAX_STRIDE = 2**63  # of an int64_t; the core has limits of its own


def whole(value: object, field: str, limit: int = 2**31) -> int:
    """`value` as an int inside -limit..limit - 1; ctypes would cut a larger or broken one without a word.

    Raises CropError that names `field`. A bool is a flag, not a number.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise CropError(f"is {value!r:.80}, expected a whole number", field=field) from error
    if not -limit <= number < limit:
        shown = number if abs(number) < 1 << 80 else "a number of many digits"
        raise CropError(f"is {shown}, expected {-limit}..{limit - 1}", field=field)
    return number


def real(value: object, field: str) -> float:
    """`value` as a float, NaN and infinities included. Raises CropError that names `field`."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise CropError(f"is {value!r:.80}, expected a number", field=field)
    try:
        return float(value)
    except OverflowError as error:
        raise CropError("is out of range", field=field) from error


def _member[E: IntEnum](kind: type[E], value: object, field: str) -> E:
    """The member that `value` is, or is the number of. Raises CropError."""
    number = whole(value, field)
    try:
        return kind(number)
    except ValueError as error:
        names = ", ".join(f"{member.value} {member.name}" for member in kind)
        raise CropError(f"is {number}, expected one of {names}", field=field) from error


def _flag(value: object, field: str) -> bool:
    if isinstance(value, bool | np.bool):
        return bool(value)
    if (number := whole(value, field)) not in (0, 1):
        raise CropError(f"is {number}, expected True or False", field=field)
    return number == 1


class PixelFormat(IntEnum):
    """How a frame's bytes mean colours; numbers as in edgedf/crop.h."""

    RGBA8888 = 0
    BGRA8888 = 1
    RGB888 = 2
    GRAY8 = 3
    NV21 = 4
    NV12 = 5
    I420 = 6
    YUV_420_888 = 7

    @property
    def plane_count(self) -> int:
        """How many planes a frame of this format has: 1, 2 or 3."""
        return {
            PixelFormat.NV21: 2,
            PixelFormat.NV12: 2,
            PixelFormat.I420: 3,
            PixelFormat.YUV_420_888: 3,
        }.get(self, 1)


class ColorMatrix(IntEnum):
    """Colour matrix of the YUV formats, full range; the other formats ignore it."""

    BT601 = 0
    BT709 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One stored frame. The core checks it, so a frame that lies gives a CropError, never a wrong read.

    A field of the wrong type is refused here, with a CropError that names it.

    Attributes:
        planes: uint8 arrays, C-contiguous, any shape: the bytes from a plane's first row on. RGBA, BGRA, RGB
            and GRAY have one; NV21 (Y, VU) and NV12 (Y, UV) two; I420 and YUV_420_888 (Y, U, V) three.
        format: what the bytes mean; its number will do.
        width, height: pixels as stored, 1..65536; chroma planes have (w + 1) // 2 by (h + 1) // 2 samples.
        row_strides: bytes from one row to the next, per plane; empty: rows follow each other.
        pixel_strides: bytes from one pixel (or chroma sample, or chroma pair) to the next; empty: packed.
        rotation: degrees clockwise (0, 90, 180, 270) that make the stored frame upright.
        mirrored: whether the upright image is then flipped left to right.
        matrix: colour matrix of the YUV formats.
    """

    planes: tuple[U8, ...]
    format: PixelFormat
    width: int
    height: int
    row_strides: tuple[int, ...] = ()
    pixel_strides: tuple[int, ...] = ()
    rotation: int = 0
    mirrored: bool = False
    matrix: ColorMatrix = ColorMatrix.BT601

    def __post_init__(self) -> None:
        kind = _member(PixelFormat, self.format, "frame.format")
        checked: dict[str, object] = {
            "format": kind,
            "matrix": _member(ColorMatrix, self.matrix, "frame.matrix"),
            "mirrored": _flag(self.mirrored, "frame.mirrored"),
        }
        for name in ("width", "height", "rotation"):
            checked[name] = whole(getattr(self, name), f"frame.{name}")
        for name in ("planes", "row_strides", "pixel_strides"):
            field, given = f"frame.{name}", getattr(self, name)
            if not isinstance(given, tuple | list):
                raise CropError(f"is a {type(given).__name__}, expected a tuple", field=field)
            if len(given) != kind.plane_count and (given or name == "planes"):
                raise CropError(f"{len(given)} given, {kind.name} has {kind.plane_count}", field=field)
            strides = name != "planes"
            checked[name] = tuple(whole(s, field, MAX_STRIDE) for s in given) if strides else tuple(given)
        for index, plane in enumerate(self.planes):
            _check_plane(index, plane)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def from_array(image_hwc: U8, format: PixelFormat, *, rotation: int = 0, mirrored: bool = False) -> Frame:
        """The frame of an (H, W, 4), (H, W, 3) or (H, W) uint8 array in a one-plane format.

        A view with padded rows or spread pixels is used as it is; other views are copied.
        Raises CropError if the array's form is not the format's.
        """
        format = _member(PixelFormat, format, "frame.format")
        if not isinstance(image_hwc, np.ndarray):
            raise CropError(f"image is a {type(image_hwc).__name__}, expected a uint8 array", field="image")
        channels = _CHANNELS.get(format)
        if channels is None:
            raise CropError(f"{format.name} is not a one-plane format", field="frame.format")
        shape = image_hwc.shape
        fits = image_hwc.ndim == 2 if channels == 1 else image_hwc.ndim == 3 and shape[-1] == channels
        if image_hwc.dtype != np.uint8 or not fits or 0 in shape:
            expected = "(H, W)" if channels == 1 else f"(H, W, {channels})"
            raise CropError(f"image is {image_hwc.dtype}{shape}, expected uint8 {expected}", field="image")
        row, pixel = image_hwc.strides[:2]
        spread = channels <= pixel and shape[1] * pixel <= max(row, 1)
        if not spread or (channels > 1 and image_hwc.strides[2] != 1):
            # Not ascontiguousarray: for numpy an axis of length 1 is contiguous whatever its stride.
            image_hwc = image_hwc.copy(order="C")
            row, pixel = image_hwc.strides[:2]
        used = (shape[0] - 1) * row + (shape[1] - 1) * pixel + channels
        flat = np.lib.stride_tricks.as_strided(image_hwc, (used,), (1,), writeable=False)
        return Frame(
            planes=(flat,),
            format=format,
            width=shape[1],
            height=shape[0],
            row_strides=(row,),
            pixel_strides=(pixel,),
            rotation=rotation,
            mirrored=mirrored,
        )


_CHANNELS = {PixelFormat.RGBA8888: 4, PixelFormat.BGRA8888: 4, PixelFormat.RGB888: 3, PixelFormat.GRAY8: 1}


def _check_plane(index: int, plane: object) -> None:
    if not isinstance(plane, np.ndarray):
        problem = f"plane {index} is a {type(plane).__name__}, expected a uint8 array"
        raise CropError(problem, field="frame.planes")
    if plane.dtype != np.uint8 or not plane.flags.c_contiguous:
        problem = f"plane {index} is {plane.dtype}{plane.shape}, expected C-contiguous uint8"
        raise CropError(problem, field="frame.planes")
