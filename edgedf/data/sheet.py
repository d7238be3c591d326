"""A contact sheet: many cropped faces in one PNG, real ones framed green, fakes red and named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgedf.contract import Contract
from edgedf.crop import U8
from edgedf.data.cropset import crop_sample
from edgedf.data.pictures import ignore_picture_warnings, read_picture
from edgedf.data.sample import FAKE, DatasetIndex, Sample
from edgedf.errors import EdgedfError

TILE = 128
_FRAME = 3
_GREEN, _RED, _GREY = (40, 160, 60), (200, 40, 40), (90, 90, 90)


def contact_sheet(index: DatasetIndex, split: str, *, rows: int, columns: int, seed: int) -> bytes:
    """PNG bytes of rows x columns random faces of a split, cropped as for a 128 px model.

    A damaged picture becomes a grey tile. Where there are fewer pictures, the sheet is shorter.
    """
    samples = index.splits[split]
    count = min(rows * columns, len(samples))
    chosen = np.sort(np.random.default_rng(seed).choice(len(samples), count, replace=False))
    with ignore_picture_warnings():
        tiles = [_tile(index, samples[number]) for number in chosen]
    return sheet_png(tiles, columns)


def sheet_png(tiles: Sequence[U8], columns: int) -> bytes:
    """PNG bytes of equal tiles (H, W, 3) in a grid, the last row filled with white."""
    import cv2

    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * height, min(columns, len(tiles)) * width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + height, left : left + width] = tile
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    assert done, "OpenCV could not write a PNG into memory"
    return bytes(data)


def _tile(index: DatasetIndex, sample: Sample) -> U8:
    """One framed face."""
    import cv2

    fake = sample.label == FAKE
    inside = TILE - 2 * _FRAME
    try:
        picture = read_picture(index.root / sample.path, sha256=sample.sha256)
        face = crop_sample(picture, sample.box, Contract(size=inside))
        color, text = (_RED, sample.kind or "fake") if fake else (_GREEN, "")
    except EdgedfError:
        face = np.full((inside, inside, 3), 200, np.uint8)
        color, text = _GREY, "damaged"
    tile = np.full((TILE, TILE, 3), color, np.uint8)
    tile[_FRAME:-_FRAME, _FRAME:-_FRAME] = face
    if text:
        place = (_FRAME + 3, TILE - _FRAME - 5)
        for ink, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(tile, text[:18], place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, ink, thickness, cv2.LINE_AA)
    return tile
