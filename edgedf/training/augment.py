"""Augmentation: one batch of cached uint8 crops in, one float batch in the model's layout out.

All randomness comes from the generator that the caller seeds per step, so a resumed run draws the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

U8 = npt.NDArray[np.uint8]
MAX_MARGIN_SIZE = 1024


def to_nchw(crops_nhwc: U8) -> Tensor:
    """uint8 (N, S, S, 3) -> float32 (N, 3, S, S) 0..255; channels-last in memory, so nothing is moved."""
    import torch

    # A copy: PyTorch warns of tensors over a read-only memory map.
    return torch.from_numpy(np.array(crops_nhwc, order="C")).permute(0, 3, 1, 2).float()


def shift_and_flip(crops_nhwc: U8, *, shift: int, generator: np.random.Generator) -> U8:
    """Move every crop by -shift..shift pixels along both axes and mirror half of them left to right.

    What comes in at a border repeats the edge, as the contract's crop does outside a picture.
    Shape (N, S, S, 3) uint8 in and out.
    """
    count, side = crops_nhwc.shape[:2]
    moves = generator.integers(-shift, shift + 1, size=(count, 2))
    flips = generator.random(count) < 0.5
    result = np.empty(crops_nhwc.shape, np.uint8)
    positions = np.arange(side)
    for image, (down, right), flip, target in zip(crops_nhwc, moves, flips, result, strict=True):
        rows = np.clip(positions + down, 0, side - 1)
        columns = np.clip(positions + right, 0, side - 1)
        if flip:
            columns = columns[::-1]
        np.take(np.take(image, rows, axis=0), columns, axis=1, out=target)
    return result


def margin_contract(contract: Contract, jitter: float) -> Contract:
    """The contract of the crops that box jitter samples from: same pixel density, wider square.

    A box moved by `jitter` of its side and grown by `jitter` stays inside the wider square.
    Raises UsageError if the wider crop would be larger than 1024 pixels or its box scale beyond 4.
    """
    factor = 1.0 + jitter + 2.0 * jitter / contract.box_scale
    size = math.ceil(contract.size * factor / 8) * 8
    box_scale = contract.box_scale * size / contract.size
    if size > MAX_MARGIN_SIZE or box_scale > 4.0:
        raise UsageError(
            f"needs crops of {size} pixels at box scale {box_scale:.2f}, more than a cache can hold",
            field="augment",
            hint="use a smaller --size, or --augment shift",
        )
    return Contract(size=size, box_scale=box_scale)


def jitter_grids(
    inner: npt.NDArray[np.float64], *, jitter: float, box_scale: float, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Affine matrices (N, 2, 3) that cut a moved, resized and maybe mirrored square out of each wide crop.

    Args:
        inner: (N,) share of the cached side that the contract's square takes, 0..1; 1 where the picture
            was a face crop already and no margin exists.
        jitter: most a box moves (either way, both axes), shrinks or grows, as a share of its side, 0..0.5:
            what `edgedf parity --box-jitter` does to boxes.
        box_scale: crop square over box side.
    Coordinates are torch's affine_grid: -1..1 over the cached crop.
    """
    count = len(inner)
    grow = 1.0 + generator.uniform(-jitter, jitter, count)
    move = generator.uniform(-jitter, jitter, (count, 2)) * 2.0 / box_scale
    flip = np.where(generator.random(count) < 0.5, -1.0, 1.0)
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = inner * grow * flip
    theta[:, 1, 1] = inner * grow
    theta[:, :, 2] = inner[:, None] * move
    return theta.astype(np.float32)


def jitter_box(
    wide_nhwc: U8,
    inner: npt.NDArray[np.float64],
    *,
    size: int,
    jitter: float,
    box_scale: float,
    generator: np.random.Generator,
) -> Tensor:
    """Float32 (N, 3, size, size) 0..255, channels-last: each face as a finder that is a bit off would cut it.

    Sampling is bilinear and repeats the edge outside the cached crop. See `jitter_grids` for the arguments.
    """
    import torch
    from torch.nn import functional as F

    theta = jitter_grids(inner, jitter=jitter, box_scale=box_scale, generator=generator)
    grid = F.affine_grid(torch.from_numpy(theta), [len(theta), 3, size, size], align_corners=False)
    x = F.grid_sample(to_nchw(wide_nhwc), grid, padding_mode="border", align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)


def inner_shares(samples: Any, contract: Contract, wide: Contract) -> npt.NDArray[np.float64]:
    """(N,) share of each wide crop that the contract's square takes: 1 for samples without a box."""
    share = contract.size / wide.size
    return np.array([1.0 if sample.box is None else share for sample in samples])
