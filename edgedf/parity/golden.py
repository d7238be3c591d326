"""Make golden vectors: which pictures, their crops, and the dense network's logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenPicture, GoldenSet
from edgedf.contract import Contract
from edgedf.crop import Box, crop_face, crop_square
from edgedf.errors import ParityError
from edgedf.parity.patterns import checkerboard, flat, gradient, noise

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Face = tuple[U8, Box]

FACES = 4
FACE_SEED = 1_000_003


def upright(picture: GoldenPicture) -> U8:
    """The picture as the box sees it: the frame turned clockwise, then mirrored; (H, W, 3) uint8 RGB."""
    turned = np.rot90(picture.frame_hwc[:, :, :3], k=-(picture.rotation // 90))
    return np.ascontiguousarray(turned[:, ::-1] if picture.mirrored else turned)


def golden_crop(picture: GoldenPicture, contract: Contract) -> U8:
    """The contract's crop of a golden picture, (S, S, 3) uint8 RGB."""
    return crop_face(upright(picture), picture.box, size=contract.size, box_scale=contract.box_scale)


def golden_pictures(contract: Contract, faces: Sequence[Face]) -> tuple[GoldenPicture, ...]:
    """The pictures every bundle carries, in order: flat, patterned, odd, turned, and `faces`.

    Boxes leave the picture on every side. The pictures are small, because a phone ships them; the crop
    enlarges most of them and reduces `noise-down`.
    """
    size = contract.size
    plain = [
        _plain("black", flat(16, 16, (0, 0, 0)), Box(2, 2, 10, 10)),
        _plain("white", flat(16, 16, (255, 255, 255)), Box(2, 2, 10, 10)),
        _plain("one-pixel", flat(1, 1, (200, 30, 90)), Box(0, 0, 1, 1)),
        _plain("checker-1-leaves-top", checkerboard(40, 40, 1), Box(8, -12, 24, 24)),
        _plain("checker-7-leaves-left", checkerboard(64, 48, 7), Box(-15.5, 6, 30, 33)),
        _plain("gradient-leaves-right", gradient(61, 47, vertical=False), Box(40, 8, 31, 31)),
        _plain("gradient-leaves-bottom", gradient(47, 61, vertical=True), Box(8.25, 40, 31, 29.5)),
        _plain("outside", gradient(24, 24, vertical=True), Box(-60, 70, 20, 20)),
        _plain("noise-up", noise(33, 21, 1), Box(5, 3, 17, 13)),
        _plain("noise-down", noise(97, 83, 2), Box(-20, -31.5, 1.2 * size + 0.75, 1.2 * size)),
        _plain("thin", noise(3, 97, 3), Box(0, 30, 3, 41)),
    ]
    trimmed = [_trim(rgb, box, contract.box_scale) for rgb, box in faces]
    return (*plain, *_turned(), *(_plain(f"face-{n}", rgb, box) for n, (rgb, box) in enumerate(trimmed)))


def make_goldens(contract: Contract, faces: Sequence[Face], logits: Callable[[U8], F32]) -> GoldenSet:
    """Golden vectors of a contract.

    Args:
        faces: upright RGB pictures with face boxes; none of a real person.
        logits: the dense network, crops (N, S, S, 3) uint8 -> (N,) float32.
    Raises ParityError if the dense network answers NaN or infinity.
    """
    pictures = golden_pictures(contract, faces)
    crops = np.stack([golden_crop(picture, contract) for picture in pictures])
    expected = np.asarray(logits(crops), dtype=np.float32)
    if not bool(np.isfinite(expected).all()):
        worst = pictures[int(np.argmin(np.isfinite(expected)))].name
        raise ParityError(
            f"the dense network answers NaN or infinity on golden picture {worst!r}",
            hint="train the ticket again; it can judge nothing",
        )
    return GoldenSet(contract=contract, pictures=pictures, crops_nhwc=crops, logits=expected)


def _turned() -> list[GoldenPicture]:
    """The seven ways a camera may hand over a frame besides upright, each of the same upright scene."""
    scene = noise(29, 43, 4) // 2 + gradient(29, 43, vertical=True) // 2
    box = Box(4, 9.5, 19, 23)
    result = []
    for rotation in (0, 90, 180, 270):
        for mirrored in (False, True):
            if rotation == 0 and not mirrored:
                continue
            name = f"turned-{rotation}" + ("-mirrored" if mirrored else "")
            frame = np.rot90(scene[:, ::-1] if mirrored else scene, k=rotation // 90)
            result.append(_picture(name, frame, box, rotation, mirrored))
    return result


def _trim(rgb_hwc: U8, box: Box, box_scale: float) -> Face:
    """The part of a picture that its crop reads: the same crop from fewer bytes."""
    left, top, side = crop_square(box, box_scale)
    height, width = rgb_hwc.shape[:2]
    x, y = max(0, left), max(0, top)
    part = rgb_hwc[y : min(height, top + side), x : min(width, left + side)]
    return part, Box(box.x - x, box.y - y, box.width, box.height)


def _plain(name: str, rgb_hwc: U8, box: Box) -> GoldenPicture:
    return _picture(name, rgb_hwc, box, 0, False)


def _picture(name: str, rgb_hwc: U8, box: Box, rotation: int, mirrored: bool) -> GoldenPicture:
    alpha = np.full((*rgb_hwc.shape[:2], 1), 255, dtype=np.uint8)
    frame = np.concatenate([rgb_hwc, alpha], axis=2)
    return GoldenPicture(name=name, frame_hwc=frame, rotation=rotation, mirrored=mirrored, box=box)
