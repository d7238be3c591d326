"""ctypes declarations of edgedf/crop.h and the calls behind edgedf.crop. Other code uses edgedf.crop."""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError
from edgedf.native.frame import Frame, whole
from edgedf.native.library import load_library

MAX_SIZE = 4096  # EDGEDF_CROP_MAX_SIZE
WORKSPACE_TOO_SMALL = 15
OUTPUTS = {("uint8", "NHWC"): 0, ("float32", "NHWC"): 1, ("float32", "NCHW"): 2}
# Which argument of ours a status speaks of, by its number in edgedf/crop.h.
_FIELDS = {
    2: "frame.format",
    3: "frame.width",
    4: "frame.row_strides",
    5: "frame.planes",
    6: "frame.rotation",
}
_FIELDS |= {7: "frame.matrix", 8: "box", 9: "box", 10: "box_scale", 11: "size"}


class _Plane(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("row_stride", ctypes.c_int64),
        ("pixel_stride", ctypes.c_int64),
    )


class _Frame(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("format", ctypes.c_int32),
        ("matrix", ctypes.c_int32),
        ("rotation", ctypes.c_int32),
        ("mirrored", ctypes.c_int32),
        ("planes", _Plane * 3),
    )


class _Box(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_double) for name in ("x", "y", "width", "height"))


class _Square(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_int32) for name in ("left", "top", "side"))


class _Request(ctypes.Structure):
    _fields_ = (
        ("box", _Box),
        ("box_scale", ctypes.c_double),
        ("size", ctypes.c_int32),
        ("output", ctypes.c_int32),
        ("without", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    )


BoxNumbers = tuple[float, float, float, float]


@cache
def _functions() -> ctypes.CDLL:
    library = load_library()
    size_out = ctypes.POINTER(ctypes.c_size_t)
    library.edgedf_crop_status_text.argtypes = [ctypes.c_int32]
    library.edgedf_crop_status_text.restype = ctypes.c_char_p
    library.edgedf_crop_cpu.argtypes = []
    library.edgedf_crop_cpu.restype = ctypes.c_uint32
    library.edgedf_crop_square.argtypes = [ctypes.POINTER(_Box), ctypes.c_double, ctypes.POINTER(_Square)]
    library.edgedf_crop_workspace.argtypes = [ctypes.c_int32, ctypes.c_int32, size_out]
    library.edgedf_crop.argtypes = [
        ctypes.POINTER(_Frame),
        ctypes.POINTER(_Request),
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_size_t,
    ]
    return library


def _check(status: int, detail: str) -> None:
    if status != 0:
        text = _functions().edgedf_crop_status_text(status).decode()
        raise CropError(f"{text} ({detail})" if detail else text, field=_FIELDS.get(status))


def cpu_features() -> int:
    """Instruction sets the core uses here: 1 SSE4.1, 2 AVX2, 4 NEON, added up."""
    return int(_functions().edgedf_crop_cpu())


def square_of(box: BoxNumbers, box_scale: float) -> tuple[int, int, int]:
    """(left, top, side) of the crop square, in pixels. Raises CropError."""
    square = _Square()
    status = _functions().edgedf_crop_square(_Box(*box), box_scale, square)
    _check(status, f"box {box}, box_scale {box_scale}")
    return square.left, square.top, square.side


class _Workspace(threading.local):
    """Each thread's buffer, kept between calls and grown when a larger crop comes."""

    def __init__(self) -> None:
        self.buffer: npt.NDArray[np.uint8] = np.empty(64, np.uint8)

    def at_least(self, count: int) -> npt.NDArray[np.uint8]:
        if self.buffer.nbytes < count:
            self.buffer = np.empty(count, np.uint8)
        return self.buffer


_workspace = _Workspace()


def _c_frame(frame: Frame) -> _Frame:
    planes = (_Plane * 3)()
    packed = _packed_strides(frame)
    for index, plane in enumerate(frame.planes):
        pixel = frame.pixel_strides[index] if frame.pixel_strides else 0
        row = frame.row_strides[index] if frame.row_strides else (pixel or 1) * packed[index]
        planes[index] = _Plane(plane.ctypes.data, plane.nbytes, row, pixel)
    numbers = (frame.width, frame.height, frame.format, frame.matrix, frame.rotation, frame.mirrored)
    return _Frame(*map(int, numbers), planes)


def _packed_strides(frame: Frame) -> list[int]:
    """Row strides where rows follow each other; with a pixel stride given, in pixels instead of bytes."""
    half = (frame.width + 1) // 2
    bytes_per_pixel = {0: 4, 1: 4, 2: 3}.get(int(frame.format), 1)
    chroma_bytes = 2 if frame.format.plane_count == 2 else 1
    if frame.pixel_strides:
        return [frame.width, half, half]
    return [frame.width * bytes_per_pixel, half * chroma_bytes, half * chroma_bytes]


def run_crop(
    frame: Frame, box: BoxNumbers, size: int, box_scale: float, dtype: str, layout: str, without: int = 0
) -> npt.NDArray[Any]:
    """One crop in a new array. `without`: instruction sets not to use (tests). Raises CropError."""
    output = OUTPUTS.get((str(dtype), str(layout)))
    if output is None:
        raise CropError(
            f"no {dtype} {layout} output", field="layout", hint="uint8 NHWC, float32 NHWC or NCHW"
        )
    c_frame, size = _c_frame(frame), whole(size, "size")
    known = size if 1 <= size <= MAX_SIZE else 1  # the core refuses any other size, with its own words
    out = np.empty((3, known, known) if layout == "NCHW" else (known, known, 3), dtype)
    request = _Request(_Box(*box), box_scale, size, output, without, 0)
    core, workspace = _functions(), _workspace.buffer
    status = core.edgedf_crop(
        c_frame, request, workspace.ctypes.data, workspace.nbytes, out.ctypes.data, out.nbytes
    )
    if status == WORKSPACE_TOO_SMALL:
        needed = ctypes.c_size_t()
        core.edgedf_crop_workspace(square_of(box, box_scale)[2], size, needed)
        workspace = _workspace.at_least(needed.value)
        status = core.edgedf_crop(
            c_frame, request, workspace.ctypes.data, workspace.nbytes, out.ctypes.data, out.nbytes
        )
    _check(status, f"frame of {frame.width}x{frame.height} {frame.format.name}, box {box}, size {size}")
    return out
