"""Small tools to draw with: bells, ramps, windows, soft noise, blending. Planar float32 throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def bell(axis: F32, center: float, width: float) -> F32:
    """exp(-((axis - center) / width)^2 / 2), same shape as `axis`."""
    t = (axis - np.float32(center)) * np.float32(1 / width)
    spread: F32 = np.exp(np.float32(-0.5) * t * t)
    return spread


def ramp(axis: F32, low: float, high: float) -> F32:
    """0 up to `low`, 1 from `high`, smooth in between."""
    t = np.clip((axis - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    smooth: F32 = t * t * (3 - 2 * t)
    return smooth


def cover(distance: F32) -> F32:
    """How much of a pixel lies inside a shape whose edge is `distance` pixels away, positive inside."""
    covered: F32 = np.clip(distance + np.float32(0.5), 0, 1)
    return covered


def window(axis: F32, low: float, high: float) -> slice:
    """The part of a rising axis between two values."""
    return slice(int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high)))


def blend(target_chw: F32, alpha_hw: F32, color: F32) -> None:
    """Lay `color` (3,) or (3, H, W) over `target_chw` with opacity `alpha_hw`, in place."""
    target_chw += alpha_hw * ((color if color.ndim == 3 else color[:, None, None]) - target_chw)


def soft_noise(rng: np.random.Generator, height: int, width: int, rows: int, columns: int) -> F32:
    """Normal noise on a rows x columns lattice, drawn smoothly over (height, width)."""
    lattice = rng.standard_normal((max(2, rows), max(2, columns)), dtype=np.float32)
    return np.asarray(cv2.resize(lattice, (width, height), interpolation=cv2.INTER_CUBIC))


def soften(plane: F32, sigma: float) -> F32:
    """Gaussian blur of a plane or an (H, W, 3) picture, cut off at about 2.5 sigma."""
    side = 2 * int(np.ceil(2.5 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(plane, (side, side), sigma))


def spread(plane: F32) -> F32:
    """A plane (H, W) three times, as (H, W, 3): numpy is slow at broadcasting over a last axis of three."""
    return np.asarray(cv2.merge([plane, plane, plane]))


def per_channel(picture_hwc: F32, gain: F32, offset: F32 | None = None) -> F32:
    """picture * gain + offset with one gain and offset for each of three channels."""
    height, width = picture_hwc.shape[:2]
    flat = np.ascontiguousarray(picture_hwc).reshape(height, width * 3) * np.tile(gain, width)
    if offset is not None:
        flat += np.tile(offset, width)
    return flat.reshape(height, width, 3)


@dataclass(frozen=True, slots=True)
class Blob:
    """A Gaussian spot: amount at its centre, centre and widths in units; `twin` adds its mirror image."""

    amount: float
    x: float
    y: float
    width: float
    height: float
    twin: bool = False


def paint_blobs(blobs: Sequence[Blob], u: F32, v: F32) -> F32:
    """The sum of blobs over the grid of columns `u` and rows `v`: (len(v), len(u)).

    Each blob is separable, so all of them together are one small matrix product.
    """
    rows = np.stack([np.float32(blob.amount) * bell(v, blob.y, blob.height) for blob in blobs], axis=1)
    columns = np.stack([_column(blob, u) for blob in blobs], axis=0)
    painted: F32 = rows @ columns
    return painted


def _column(blob: Blob, u: F32) -> F32:
    one = bell(u, blob.x, blob.width)
    return one + bell(u, -blob.x, blob.width) if blob.twin else one
