"""Writes tests/golden/crop_vectors.txt with the oracles alone: python tests/native/crop_vectors.py

The file is for every language. Byte i of plane p is ((i + 977 * p) * 2654435761 mod 2^32) >> 13, mod 256; a
plane ends with its last sample. Strides are in bytes. `shared` 1 or 2: U and V are both in plane 1, one byte
apart, U first or V first, as Android has them. A hash is FNV-1a-64 of the RGB bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import crop_oracle as oracle
import numpy as np

FILE = Path(__file__).resolve().parents[1] / "golden" / "crop_vectors.txt"
HEADER = (
    "# format width height rotation mirrored matrix row0 step0 row1 step1 row2 step2 shared"
    " x y w h box_scale size fnv1a64"
)
# Odd and even pictures; boxes inside, over each edge, outside; shrinking, enlarging and neither.
PICTURES = ((64, 48), (51, 67), (1, 1), (2, 3), (200, 120))
BOXES = (
    (10.0, 12.0, 20.0, 25.0, 1.3, 32),
    (-20.5, 5.25, 60.0, 40.0, 1.3, 16),
    (30.0, -30.0, 55.0, 70.0, 1.0, 70),
    (40.0, 30.0, 100.0, 90.0, 2.0, 24),
    (-300.0, 500.0, 30.0, 30.0, 1.3, 5),
    (3.0, 4.0, 9.5, 7.0, 1.0, 40),
    (8.0, 5.5, 37.0, 30.0, 1.3, 64),  # enlarging to a power of two: pixels are mixed in pairs
)
# Faces that need more than one strip of a row: shrinking, shrinking by 2 exactly, and neither.
LARGE = (700, 500)
LARGE_BOXES = (
    (24.0, 31.0, 450.0, 400.0, 1.0, 128),
    (24.0, 31.0, 450.0, 400.0, 1.0, 225),
    (61.0, 70.0, 290.0, 290.0, 1.0, 290),
)
WHOLE = (0.0, 0.0, 66.0, 66.0, 1.1, 24)  # every pixel of a 64x48 or 63x49 picture, the last ones too
YUV_420_888 = 7


@dataclass(frozen=True)
class Layout:
    """How far strides go beyond the packed ones, and where U and V lie."""

    spread: tuple[int, int, int] = (0, 0, 0)  # bytes between pixels
    padding: tuple[int, int, int] = (0, 0, 0)  # bytes between rows
    shared: int = 0


PACKED, PADDED = Layout(), Layout(padding=(5, 2, 9))
SPREAD_BY_ONE, SPREAD = Layout((1, 1, 1)), Layout((2, 2, 3), (3, 0, 1))
# A chroma pixel stride of 2, so that U and V fill each other's gaps; rows alike or not.
ANDROID = tuple(
    Layout((0, 1, 1), padding, shared)
    for shared, padding in product((1, 2), ((0, 0, 0), (4, 8, 8), (0, 0, 6), (0, 6, 0)))
)
OVERLAPPING = Layout(shared=2)  # no camera does this: planes one byte apart that are packed


def sample_bytes(format: int) -> tuple[int, int, int]:
    """Bytes of one pixel of each plane, 0 where the format has none."""
    first = (4, 4, 3, 1, 1, 1, 1, 1)[format]
    return (first, *((0, 0) if format < 4 else (2, 0) if format < 6 else (1, 1)))


def plane_bytes(plane: int, index: np.ndarray) -> oracle.U8:
    """The bytes at these places of a plane by the rule above."""
    place = index.astype(np.uint64) + np.uint64(977 * plane)
    return (((place * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)) >> np.uint64(13)).astype(np.uint8)


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def strides_of(format: int, width: int, layout: Layout) -> list[tuple[int, int]]:
    """(row stride, pixel stride) of each plane, zeros where the format has none."""
    strides = []
    for plane, sample in enumerate(sample_bytes(format)):
        step = sample + layout.spread[plane]
        columns = width if plane == 0 else (width + 1) // 2
        strides.append((columns * step + layout.padding[plane], step) if sample else (0, 0))
    return strides


def stored_rgb(format: int, width: int, height: int, matrix: int, layout: Layout) -> oracle.U8:
    """The picture that the rule's bytes mean, as stored."""
    samples = sample_bytes(format)
    strides = strides_of(format, width, layout)

    def read(plane: int, memory: int, start: int = 0) -> oracle.U8:
        half = int(plane > 0)
        y, x = np.ogrid[: (height + half) >> half, : (width + half) >> half]
        row, step = strides[plane]
        place = start + y * row + x * step
        return plane_bytes(memory, place[..., None] + np.arange(samples[plane]))

    if format <= 3:
        return read(0, 0)[..., ([0, 1, 2], [2, 1, 0], [0, 1, 2], [0, 0, 0])[format]]
    if format in (4, 5):
        pairs = read(1, 1)
        v, u = (pairs[..., 0], pairs[..., 1]) if format == 4 else (pairs[..., 1], pairs[..., 0])
    else:
        u = read(1, 1, int(layout.shared == 2))[..., 0]
        v = read(2, 1 if layout.shared else 2, int(layout.shared == 1))[..., 0]
    return oracle.yuv_to_rgb(read(0, 0)[..., 0], u, v, matrix)


Job = tuple[int, int, int, int, int, int, Layout, tuple[float, ...]]


def jobs() -> Iterator[Job]:
    """format, width, height, rotation, mirrored, matrix, layout, (box, box_scale, size) of every vector."""
    for number in range(8 * 4 * 2 * 3):
        format, rotation, mirrored = number % 8, number // 8 % 4 * 90, number // 32 % 2
        picture, box = PICTURES[number % len(PICTURES)], BOXES[number // 5 % len(BOXES)]
        layout = Layout((0, 1, 1)) if format == YUV_420_888 else PACKED
        yield format, *picture, rotation, mirrored, number // 3 % 2, layout, box
    for number, (format, rotation, mirrored) in enumerate(product(range(8), (0, 90, 180, 270), (0, 1))):
        box = WHOLE if number % 3 else BOXES[number % len(BOXES)]
        for layout in (PADDED, SPREAD_BY_ONE, SPREAD):
            yield format, *((64, 48), (63, 49))[number % 2], rotation, mirrored, number % 2, layout, box
    for layout, rotation, mirrored in product((*ANDROID, OVERLAPPING), (0, 90, 180, 270), (0, 1)):
        yield YUV_420_888, 64, 48, rotation, mirrored, 0, layout, WHOLE
    for number, (format, rotation) in enumerate(product(range(8), (0, 90, 180, 270))):
        mirrored = int(rotation in (90, 180))
        layout = Layout((0, 1, 1)) if format == YUV_420_888 else (PACKED, PADDED)[number // 4 % 2]
        box = LARGE_BOXES[number % len(LARGE_BOXES)]
        yield format, *LARGE, rotation, mirrored, number % 2, layout, box


def line(job: Job) -> str:
    """One line of the file."""
    *numbers, layout, (x, y, w, h, scale, size) = job
    format, width, height, rotation, mirrored, matrix = numbers
    picture = stored_rgb(format, width, height, matrix, layout)
    crop = oracle.pillow_crop(
        oracle.upright(picture, rotation, bool(mirrored)), (x, y, w, h), scale, int(size)
    )
    strides = [number for pair in strides_of(format, width, layout) for number in pair]
    written = (*numbers, *strides, layout.shared, x, y, w, h, scale, size)
    return " ".join(f"{number:g}" for number in written) + f" {fnv1a(crop.tobytes()):016x}"


def vectors() -> list[str]:
    """The file's lines, the heading first."""
    return [HEADER, *(line(job) for job in jobs())]


if __name__ == "__main__":
    FILE.write_text("\n".join(vectors()) + "\n")
