"""ctypes declarations of edgedf/crop.h and the calls behind edgedf.crop. Other code uses edgedf.crop."""

from __future__ import annotations

import ctypes
import struct
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError
from edgedf.native.frame import Frame, whole
from edgedf.native.library import load_library
from edgedf.native.planes import FIELDS, explain, strides

MAX_SIZE = 4096  # EDGEDF_CROP_MAX_SIZE
WORKSPACE_TOO_SMALL = 15
OUTPUTS = {("uint8", "NHWC"): 0, ("float32", "NHWC"): 1, ("float32", "NCHW"): 2}


# The structures of edgedf/crop.h, native sizes and alignment. ctypes structures take twice the time of packed
# bytes, and a small crop takes no longer than that.
_BOX = struct.Struct("@4d")
_REQUEST = struct.Struct("@5d2i2I")  # box, box_scale, size, output, without, reserved
_FRAME = struct.Struct("@6i" + "PNqq" * 3)  # numbers; per plane: address, bytes, row stride, pixel stride
_NO_PLANE = (0, 0, 0, 0)

BoxNumbers = tuple[float, float, float, float]


@cache
def _functions() -> ctypes.CDLL:
    library = load_library()
    size_out = ctypes.POINTER(ctypes.c_size_t)
    library.edgedf_crop_status_text.argtypes = [ctypes.c_int32]
    library.edgedf_crop_status_text.restype = ctypes.c_char_p
    library.edgedf_crop_cpu.argtypes = []
    library.edgedf_crop_cpu.restype = ctypes.c_uint32
    library.edgedf_crop_square.argtypes = [ctypes.c_char_p, ctypes.c_double, ctypes.POINTER(ctypes.c_int32)]
    library.edgedf_crop_workspace.argtypes = [ctypes.c_int32, ctypes.c_int32, size_out]
    memory = (ctypes.c_void_p, ctypes.c_size_t)
    library.edgedf_crop.argtypes = (ctypes.c_char_p, ctypes.c_char_p, *memory, *memory)
    return library


def _refusal(status: int, detail: str, field: str | None) -> CropError:
    text = _functions().edgedf_crop_status_text(status).decode()
    return CropError(f"{text} ({detail})", field=field)


def cpu_features() -> int:
    """Instruction sets the core uses here: 1 SSE4.1, 2 AVX2, 4 NEON, added up."""
    return int(_functions().edgedf_crop_cpu())


def square_of(box: BoxNumbers, box_scale: float) -> tuple[int, int, int]:
    """(left, top, side) of the crop square, in pixels. Raises CropError."""
    square = (ctypes.c_int32 * 3)()
    status = _functions().edgedf_crop_square(_BOX.pack(*box), box_scale, square)
    if status:
        raise _refusal(status, f"box {box}, box_scale {box_scale}", FIELDS.get(status))
    left, top, side = square
    return left, top, side


class _Workspace(threading.local):
    """Each thread's buffer, kept between calls and grown when a larger crop comes."""

    def __init__(self) -> None:
        self.grow(64)

    def grow(self, count: int) -> None:
        self.buffer = np.empty(count, np.uint8)
        self.place: tuple[int, int] = (self.buffer.ctypes.data, count)


_workspace = _Workspace()


def frame_bytes(frame: Frame) -> bytes:
    """The edgedf_frame of a frame. It points into the frame's planes, so it is made anew for every call."""
    planes: list[int] = []
    for index, plane in enumerate(frame.planes):
        planes += (plane.ctypes.data, plane.nbytes, *strides(frame, index))
    planes += _NO_PLANE * (3 - len(frame.planes))
    numbers = (frame.width, frame.height, frame.format, frame.matrix, frame.rotation, frame.mirrored)
    return _FRAME.pack(*numbers, *planes)


def request_bytes(
    box: BoxNumbers, box_scale: float, size: int, output: int, without: int, reserved: int = 0
) -> bytes:
    """An edgedf_crop_request."""
    return _REQUEST.pack(*box, box_scale, size, output, without, reserved)


def run_crop(
    frame: Frame, box: BoxNumbers, size: int, box_scale: float, dtype: str, layout: str, without: int = 0
) -> npt.NDArray[Any]:
    """One crop in a new array. `without`: instruction sets not to use (tests). Raises CropError."""
    output = OUTPUTS.get((str(dtype), str(layout)))
    if output is None:
        raise CropError(
            f"no {dtype} {layout} output", field="layout", hint="uint8 NHWC, float32 NHWC or NCHW"
        )
    size = whole(size, "size")
    known = size if 1 <= size <= MAX_SIZE else 1  # the core refuses any other size, with its own words
    out = np.empty((3, known, known) if layout == "NCHW" else (known, known, 3), dtype)
    target = (out.ctypes.data, out.nbytes)
    job = (frame_bytes(frame), request_bytes(box, box_scale, size, output, without))
    core = _functions()
    status = core.edgedf_crop(*job, *_workspace.place, *target)
    if status == WORKSPACE_TOO_SMALL:
        needed = ctypes.c_size_t()
        core.edgedf_crop_workspace(square_of(box, box_scale)[2], size, needed)
        _workspace.grow(needed.value)
        status = core.edgedf_crop(*job, *_workspace.place, *target)
    if status:
        field, detail = explain(frame, status)
        if field is None or not field.startswith("frame"):
            detail += f", box {box}, box_scale {box_scale}, size {size}"
        raise _refusal(status, detail, field)
    return out
