"""Augmentation against slow, obvious versions of itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgedf.contract import Contract
from edgedf.crop import Box, crop_face
from edgedf.errors import UsageError
from edgedf.training.augment import (
    inner_shares,
    jitter_box,
    jitter_grids,
    margin_contract,
    shift_and_flip,
    to_nchw,
)


class _Fixed:
    """A generator whose draws are given: the shifts, the flips."""

    def __init__(self, moves: list[tuple[int, int]], flips: list[bool]) -> None:
        self._moves, self._flips = moves, flips

    def integers(self, low: int, high: int, size: tuple[int, int]) -> np.ndarray:
        return np.array(self._moves)

    def random(self, count: int) -> np.ndarray:
        return np.where(self._flips, 0.1, 0.9)


def _crops(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_shift_and_flip_repeats_the_edge_like_a_padded_image():
    crops = _crops(3, 16)
    moves, flips = [(3, -2), (-4, 4), (0, 0)], [False, True, False]
    got = shift_and_flip(crops, shift=4, generator=_Fixed(moves, flips))
    padded = np.pad(crops, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    for image, (down, right), flip, result in zip(padded, moves, flips, got, strict=True):
        window = image[4 + down : 20 + down, 4 + right : 20 + right]
        assert np.array_equal(result, window[:, ::-1] if flip else window)


def test_shift_of_zero_only_mirrors():
    crops = _crops(20, 8)
    got = shift_and_flip(crops, shift=0, generator=np.random.default_rng(0))
    kinds = [np.array_equal(a, b) or np.array_equal(a, b[:, ::-1]) for a, b in zip(got, crops, strict=True)]
    assert all(kinds)


def test_to_nchw_is_channels_last_and_exact():
    import torch

    crops = _crops(2, 8)
    x = to_nchw(crops)
    assert x.shape == (2, 3, 8, 8)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(x.numpy().transpose(0, 2, 3, 1).astype(np.uint8), crops)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_margin_holds_every_jittered_box(size):
    contract = Contract(size=size)
    wide = margin_contract(contract, 0.15)
    assert wide.size / wide.box_scale == pytest.approx(contract.size / contract.box_scale)
    theta = jitter_grids(
        np.full(5000, contract.size / wide.size),
        jitter=0.15,
        box_scale=1.3,
        generator=np.random.default_rng(0),
    )
    reach = np.abs(theta[:, [0, 1], [0, 1]]) + np.abs(theta[:, :, 2])
    assert reach.max() <= 1.0
    assert reach.max() > 0.9
    grown = np.abs(theta[:, 1, 1]) * wide.size / contract.size
    assert 0.85 <= grown.min() < 0.86 < 1.14 < grown.max() <= 1.15  # boxes that are too small and too large


def test_margin_beyond_a_cache_is_refused():
    with pytest.raises(UsageError, match="more than a cache can hold"):
        margin_contract(Contract(size=512, box_scale=3.9), 0.15)


def test_jitter_of_nothing_is_the_contracts_crop_within_resampling():
    picture = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    picture = np.kron(picture, np.ones((20, 20, 1), np.uint8))
    box, contract = Box(70, 80, 98.46, 90), Contract(size=128)
    wide = margin_contract(contract, 0.15)
    plain = crop_face(picture, box, size=128, box_scale=1.3)
    wider = crop_face(picture, box, size=wide.size, box_scale=wide.box_scale)
    inner = inner_shares([SimpleNamespace(box=box)], contract, wide)
    got = jitter_box(
        wider[None], inner, size=128, jitter=0.0, box_scale=1.3, generator=np.random.default_rng(0)
    )
    image = got[0].permute(1, 2, 0).numpy()
    # A draw may mirror; the squares are whole pixels, so the two differ by less than a pixel's shift.
    errors = [np.abs(image - p.astype(float)).mean() for p in (plain, plain[:, ::-1])]
    assert min(errors) < 12


def test_samples_without_a_box_have_no_margin():
    contract = Contract(size=64)
    wide = margin_contract(contract, 0.15)
    samples = [SimpleNamespace(box=None), SimpleNamespace(box=Box(0, 0, 1, 1))]
    assert inner_shares(samples, contract, wide).tolist() == [1.0, 64 / wide.size]
