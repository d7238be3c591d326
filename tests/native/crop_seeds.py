"""Writes the first inputs of fuzz_crop, edgedf/native/fuzz/corpus/crop: python tests/native/crop_seeds.py

Each is a whole good job, so that the fuzzer starts inside the loops: every format upright and turned, packed
and padded, and the layouts whose neighbours are not ours, such as three colours in four bytes, or U and V one
byte apart with rows of their own. The bytes follow the order in which fuzz_crop.c reads them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import product
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "edgedf" / "native" / "fuzz" / "corpus" / "crop"
FORMATS = ("rgba", "bgra", "rgb", "gray", "nv21", "nv12", "i420", "yuv420")
PLANES = (1, 1, 1, 1, 2, 2, 3, 3)
APART, U_FIRST, V_FIRST = 0, 1, 2
LARGEST_BOX = (32767 + 10000) // 256  # pixels that a box's two bytes can say
SPREAD = 200  # a pixel stride of its own follows
WHOLE, HALF = 128, 192  # added to the output: the crop is as large as its square, or half of it


@dataclass(frozen=True)
class Layout:
    """How far strides go beyond the packed ones, 0..11 bytes, and where U and V lie."""

    name: str
    spread: tuple[int, int, int] | None = None
    padding: tuple[int, int, int] = (0, 0, 0)
    order: int = APART


PACKED = Layout("packed")
PADDED = Layout("padded", padding=(5, 2, 3))
SPREAD_BY_ONE = Layout("spread", spread=(1, 1, 1))
ANDROID = (
    Layout("u-first", (0, 1, 1), order=U_FIRST),
    Layout("v-first", (0, 1, 1), order=V_FIRST),
    Layout("u-first-long-v", (0, 1, 1), (0, 0, 6), U_FIRST),
    Layout("u-first-long-u", (0, 1, 1), (0, 6, 0), U_FIRST),
    Layout("v-first-long-v", (0, 1, 1), (0, 0, 6), V_FIRST),
    Layout("v-first-long-u", (0, 1, 1), (0, 6, 0), V_FIRST),
)


def _side(side: int) -> bytes:
    """A side of 1..48 pixels, or a multiple of 6 beyond that (width only)."""
    return bytes((side - 1, 0)) if side <= 48 else bytes((side // 6 - 1, 240))


def seed(
    format: int, rotation: int, layout: Layout, size: int, width: int = 47, height: int = 41, fit: int = 0
) -> bytes:
    """One input; the crop square reaches the frame's last row and column. With `fit` the size follows from
    the square, and a frame that is turned by 180 has whole rows from left to right."""
    mirrored, matrix, output = rotation // 90 % 2, format % 2, rotation // 90 % 3 + fit
    if fit and rotation == 180:
        mirrored = 1
    data = bytes((format,)) + _side(width) + _side(height)
    data += bytes((matrix, rotation // 90, mirrored, layout.order))
    for plane in range(PLANES[format]):
        step = b"\0" if layout.spread is None else bytes((SPREAD, layout.spread[plane]))
        data += step + bytes((layout.padding[plane],)) + bytes(3)  # the least bytes that hold it
    box_w = min(width, LARGEST_BOX)
    numbers = ((width - box_w) * 256, 0, box_w * 256 - 10000, height * 256 - 10000)
    data += b"".join(b"\0" + struct.pack(">h", number) for number in numbers)
    return data + bytes((0, size, output, 0, 0))


def seeds() -> dict[str, bytes]:
    """Every seed by its name."""
    made = {}
    for format, rotation in product(range(8), (0, 90, 180, 270)):
        for layout in (PACKED, PADDED, SPREAD_BY_ONE, *(ANDROID if format == 7 else ())):
            size = 16 if rotation < 180 else 64
            width = 48 if layout in ANDROID else 47  # the last pair must be whole to be read as a pair
            made[f"{FORMATS[format]}-{rotation}-{layout.name}"] = seed(format, rotation, layout, size, width)
    for format, rotation, (name, fit) in product(range(8), (0, 90, 180), (("whole", WHOLE), ("half", HALF))):
        # Squares of 61 pixels, and of 46: an odd one cannot be halved exactly.
        width = 47 if fit == WHOLE else 35
        made[f"{FORMATS[format]}-{rotation}-{name}"] = seed(format, rotation, PACKED, 1, width, 30, fit)
    for format in (0, 2, 4, 7):
        made[f"{FORMATS[format]}-wide"] = seed(format, 0, PACKED, 32, width=288)
    return made


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (FOLDER / name).write_bytes(data)
