"""Magnitude pruning (Han et al. 2015): which weights stay, exactly how many, and no layer left empty.

Arrays are float32 weights and uint8 0/1 masks by parameter name, as in a ticket. Every function is pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import TrainingError

Weights = Mapping[str, npt.NDArray[Any]]
Masks = dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one pruning step decided.

    Attributes:
        masks: new uint8 0/1 arrays, inside the old masks; never aliases of them.
        held: names of layers that the floor kept fuller than magnitude alone would have.
    """

    masks: Masks
    held: tuple[str, ...]


def dense_masks(weights: Weights) -> Masks:
    """A mask of ones for every array."""
    return {name: np.ones(w.shape, np.uint8) for name, w in weights.items()}


def count_kept(masks: Mapping[str, npt.NDArray[np.uint8]]) -> int:
    """Number of ones in all masks."""
    return sum(int(m.sum(dtype=np.int64)) for m in masks.values())


def can_keep(sizes: Iterable[int], *, sparsity: float, floor: float) -> bool:
    """Whether `prune` by the global scope can leave this sparsity in layers of these sizes.

    Masks of earlier rounds ask for no more: each holds at least the floor of its own, larger, density.
    """
    sizes = tuple(sizes)
    share = min(floor, (1.0 - sparsity) / 2)
    return _round((1.0 - sparsity) * sum(sizes)) >= sum(_least(size, share) for size in sizes)


def prune(
    weights: Weights, masks: Mapping[str, npt.NDArray[np.uint8]], *, sparsity: float, scope: str, floor: float
) -> Pruned:
    """Drop the smallest magnitudes until the share of zeros is `sparsity`.

    Args:
        weights: float32 arrays by name.
        masks: uint8 0/1 arrays of the same names and shapes; what is 0 stays 0.
        sparsity: share of all weights to be zero afterwards, 0 <= sparsity < 1.
        scope: "global" keeps round((1 - sparsity) * all) weights over all layers together, to the weight;
            "layerwise" keeps round((1 - sparsity) * n) of each layer's n, at least one.
        floor: share of every layer that stays whatever its magnitudes, at most (1 - sparsity) / 2.
    Ties go to the lower flat index, the earlier layer first, so the count is exact with equal magnitudes too.
    Raises TrainingError if the masks already keep less, or so little is kept that a layer would be empty.
    """
    density = 1.0 - sparsity
    if scope == "layerwise":
        kept = {name: max(1, _round(density * w.size)) for name, w in weights.items()}
        return Pruned(_by_layer(weights, masks, kept), ())
    total = _round(density * sum(w.size for w in weights.values()))
    least = {name: _floor(w.size, masks[name], min(floor, density / 2)) for name, w in weights.items()}
    if total < sum(least.values()) or total > count_kept(masks):
        raise TrainingError(
            f"cannot keep {total} of {count_kept(masks)} weights with {len(weights)} layers alive",
            field="sparsity",
            hint="prune less",
        )
    reserved = _by_layer(weights, masks, least)
    chosen = _largest_overall(weights, masks, reserved, total - sum(least.values()))
    free = _largest_overall(weights, masks, {n: np.zeros_like(m) for n, m in masks.items()}, total)
    held = tuple(n for n in weights if int(free[n].sum(dtype=np.int64)) < least[n])
    return Pruned({n: np.bitwise_or(reserved[n], chosen[n]) for n in weights}, held)


def random_masks(masks: Mapping[str, npt.NDArray[np.uint8]], *, seed: int) -> Masks:
    """Masks with as many ones in every layer as `masks`, in places drawn uniformly by `seed`."""
    result: Masks = {}
    for layer, (name, mask) in enumerate(sorted(masks.items())):
        generator = np.random.default_rng(np.random.SeedSequence([seed, layer]))
        flat = np.zeros(mask.size, np.uint8)
        flat[generator.permutation(mask.size)[: int(mask.sum(dtype=np.int64))]] = 1
        result[name] = flat.reshape(mask.shape)
    return result


def apply_masks(weights: Weights, masks: Mapping[str, npt.NDArray[np.uint8]]) -> dict[str, npt.NDArray[Any]]:
    """Copies of the weights, zero (never -0) where a mask is zero; arrays without a mask are copied as is."""
    return {
        n: np.where(masks[n] > 0, w, w.dtype.type(0)) if n in masks else w.copy() for n, w in weights.items()
    }


def top_mask(values: npt.NDArray[Any], keep: int) -> npt.NDArray[np.uint8]:
    """Ones at the `keep` largest of a flat array, equal values by lower index first."""
    result = np.zeros(values.size, np.uint8)
    if keep <= 0:
        return result
    if keep >= values.size:
        return np.ones(values.size, np.uint8)
    threshold = np.partition(values, values.size - keep)[values.size - keep]
    result[values > threshold] = 1
    ties = np.flatnonzero(values == threshold)
    result[ties[: keep - int(result.sum(dtype=np.int64))]] = 1
    return result


def _round(value: float) -> int:
    return math.floor(value + 0.5)


def _floor(size: int, mask: npt.NDArray[np.uint8], share: float) -> int:
    """The fewest weights a layer keeps: its share, at least one, at most what it has left."""
    return min(int(mask.sum(dtype=np.int64)), _least(size, share))


def _least(size: int, share: float) -> int:
    return max(1, math.ceil(share * size))


def _scores(weight: npt.NDArray[Any], alive: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Flat magnitudes, -1 where pruned: a live weight that happens to be 0.0 still beats a dead one."""
    return np.where(alive.reshape(-1) > 0, np.abs(weight.reshape(-1)), -1.0).astype(weight.dtype)


def _by_layer(weights: Weights, masks: Mapping[str, npt.NDArray[np.uint8]], kept: Mapping[str, int]) -> Masks:
    result: Masks = {}
    for name, weight in weights.items():
        alive = int(masks[name].sum(dtype=np.int64))
        top = top_mask(_scores(weight, masks[name]), min(kept[name], alive))
        result[name] = top.reshape(weight.shape)
    return result


def _largest_overall(
    weights: Weights, masks: Mapping[str, npt.NDArray[np.uint8]], taken: Masks, keep: int
) -> Masks:
    """The `keep` largest live weights over all layers, without those in `taken`."""
    flat = np.concatenate([_scores(w, masks[n] > taken[n]) for n, w in weights.items()])
    top = top_mask(flat, keep)
    result: Masks = {}
    start = 0
    for name, weight in weights.items():
        result[name] = top[start : start + weight.size].reshape(weight.shape)
        start += weight.size
    # top_mask's slices share one buffer; masks must never be views of each other.
    return {name: mask.copy() for name, mask in result.items()}
