"""What the planes of a frame hold and must hold, for the core's structure and for messages."""

from __future__ import annotations

from edgedf.native.frame import Frame, PixelFormat

MAX_IMAGE = 65_536  # EDGEDF_CROP_MAX_IMAGE
MAX_ROW_STRIDE, MAX_PIXEL_STRIDE = 1 << 40, 1 << 23
_PIXEL_BYTES = {PixelFormat.RGBA8888: 4, PixelFormat.BGRA8888: 4, PixelFormat.RGB888: 3}
# Which argument of ours a status of edgedf/crop.h speaks of.
FIELDS = {
    2: "frame.format",
    3: "frame.width",
    4: "frame.row_strides",
    5: "frame.planes",
    6: "frame.rotation",
    7: "frame.matrix",
    8: "box",
    9: "box",
    10: "box_scale",
    11: "size",
    17: "frame.pixel_strides",
    18: "frame.row_strides",
    19: "frame.pixel_strides",
}


def sample_bytes(format: PixelFormat, index: int) -> int:
    """Bytes of one pixel of a plane: of one chroma sample, or of a chroma pair."""
    if index == 0:
        return _PIXEL_BYTES.get(format, 1)
    return 2 if format.plane_count == 2 else 1


def strides(frame: Frame, index: int) -> tuple[int, int]:
    """(row stride, pixel stride) of a plane in bytes, as the core gets them; pixel stride 0: packed."""
    pixel = frame.pixel_strides[index] if frame.pixel_strides else 0
    if frame.row_strides:
        return frame.row_strides[index], pixel
    columns = frame.width if index == 0 else (frame.width + 1) // 2
    return columns * (pixel or sample_bytes(frame.format, index)), pixel


def explain(frame: Frame, status: int) -> tuple[str | None, str]:
    """(field, numbers) of a frame that the core refused: the plane at fault, its number, the limit."""
    if status == 3:
        wrong = "width" if not 1 <= frame.width <= MAX_IMAGE else "height"
        return f"frame.{wrong}", f"{getattr(frame, wrong)}"
    for index, plane in enumerate(frame.planes):
        row, pixel = strides(frame, index)
        sample, half = sample_bytes(frame.format, index), int(index > 0)
        columns, rows = (frame.width + half) >> half, (frame.height + half) >> half
        row_bytes = (columns - 1) * (pixel or sample) + sample
        needed = (rows - 1) * row + row_bytes
        limits = {
            4: (row < (row_bytes if rows > 1 else 0), f"{row}, at least {row_bytes if rows > 1 else 0}"),
            5: (plane.nbytes < needed, f"{plane.nbytes} bytes, at least {needed}"),
            17: (0 != pixel < sample, f"{pixel}, at least {sample}, or 0 for packed"),
            18: (row > MAX_ROW_STRIDE, f"{row}, at most {MAX_ROW_STRIDE}"),
            19: (pixel > MAX_PIXEL_STRIDE, f"{pixel}, at most {MAX_PIXEL_STRIDE}"),
        }
        broken, numbers = limits.get(status, (False, ""))
        if broken:
            return FIELDS[status], f"plane {index}: {numbers}"
    return FIELDS.get(status), f"frame of {frame.width}x{frame.height} {frame.format.name}"
