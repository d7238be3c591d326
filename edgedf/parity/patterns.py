"""Procedural pictures: plain integer formulas, so that any language can draw the same ones.

Every function returns (height, width, 3) uint8 RGB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]


def flat(width: int, height: int, rgb: tuple[int, int, int]) -> U8:
    """One colour everywhere."""
    return np.broadcast_to(np.array(rgb, dtype=np.uint8), (height, width, 3)).copy()


def checkerboard(width: int, height: int, cell: int) -> U8:
    """Black and white squares of `cell` pixels, white at the top left."""
    rows, columns = np.indices((height, width)) // cell
    board = np.where((rows + columns) % 2 == 0, 255, 0).astype(np.uint8)
    return np.repeat(board[:, :, None], 3, axis=2)


def gradient(width: int, height: int, *, vertical: bool) -> U8:
    """Red rises and blue falls along one axis, 0..255; green rises along the other.

    A picture that is mirrored, transposed or has its colours swapped differs from this one everywhere.
    """
    rows, columns = np.indices((height, width))
    along, length = (rows, height) if vertical else (columns, width)
    across, breadth = (columns, width) if vertical else (rows, height)
    red = along * 255 // max(length - 1, 1)
    green = across * 255 // max(breadth - 1, 1)
    return np.stack([red, green, 255 - red], axis=2).astype(np.uint8)


def noise(width: int, height: int, seed: int) -> U8:
    """Bytes of SplitMix64 (Steele, Lea and Flood 2014) over the running index of the sample."""
    count = width * height * 3
    with np.errstate(over="ignore"):
        state = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(56)).astype(np.uint8).reshape(height, width, 3)
