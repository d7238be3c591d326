"""Writes tests/golden/crop_vectors.txt with the oracles alone: python tests/native/crop_vectors.py

The file is for every language. Byte i of plane p is ((i + 977 * p) * 2654435761 mod 2^32) >> 13, mod 256;
planes are packed, YUV_420_888 has a chroma pixel stride of 2. A hash is FNV-1a-64 of the RGB bytes.
"""

from __future__ import annotations

from pathlib import Path

import crop_oracle as oracle
import numpy as np

FILE = Path(__file__).resolve().parents[1] / "golden" / "crop_vectors.txt"
HEADER = "# format width height rotation mirrored matrix x y w h box_scale size fnv1a64"
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


def plane_bytes(plane: int, count: int) -> oracle.U8:
    """The first bytes of a plane by the rule above."""
    index = np.arange(count, dtype=np.uint64) + np.uint64(977 * plane)
    return (((index * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)) >> np.uint64(13)).astype(np.uint8)


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def stored_rgb(format: int, width: int, height: int, matrix: int) -> oracle.U8:
    """The picture that the rule's bytes mean, as stored."""
    if format <= 3:
        channels = (4, 4, 3, 1)[format]
        pixels = plane_bytes(0, width * height * channels).reshape(height, width, channels)
        return pixels[..., ([0, 1, 2], [2, 1, 0], [0, 1, 2], [0, 0, 0])[format]]
    half = ((height + 1) // 2, (width + 1) // 2)
    luma = plane_bytes(0, width * height).reshape(height, width)
    if format in (4, 5):
        pairs = plane_bytes(1, half[0] * half[1] * 2).reshape(*half, 2)
        u, v = (pairs[..., 1], pairs[..., 0]) if format == 4 else (pairs[..., 0], pairs[..., 1])
    else:
        step = 1 if format == 6 else 2
        u, v = (plane_bytes(p, half[0] * half[1] * step)[::step].reshape(half) for p in (1, 2))
    return oracle.yuv_to_rgb(luma, u, v, matrix)


def vectors() -> list[str]:
    """Every vector, one line each, the heading first."""
    result = [HEADER]
    for number in range(8 * 4 * 2 * 3):
        format, rotation, mirrored = number % 8, number // 8 % 4 * 90, number // 32 % 2
        matrix = number // 3 % 2
        width, height = PICTURES[number % len(PICTURES)]
        x, y, w, h, scale, size = BOXES[number // 5 % len(BOXES)]
        rgb = oracle.upright(stored_rgb(format, width, height, matrix), rotation, bool(mirrored))
        crop = oracle.pillow_crop(rgb, (x, y, w, h), scale, int(size))
        numbers = (format, width, height, rotation, mirrored, matrix, x, y, w, h, scale, size)
        result.append(" ".join(f"{n:g}" for n in numbers) + f" {fnv1a(crop.tobytes()):016x}")
    return result


if __name__ == "__main__":
    FILE.write_text("\n".join(vectors()) + "\n")
