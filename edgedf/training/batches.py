"""The data of one run in the form that training reads, and the batch of any step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedf.data.cache import Progress, open_cache
from edgedf.data.cropset import CropSet
from edgedf.data.sample import DatasetIndex
from edgedf.errors import DataError
from edgedf.training.augment import (
    inner_shares,
    jitter_box,
    margin_contract,
    shift_and_flip,
    to_nchw,
)
from edgedf.training.recipe import Recipe
from edgedf.training.schedule import derived_seed, epoch_order

if TYPE_CHECKING:
    from torch import Tensor

_STREAM_AUGMENT = 3
_STREAM_SUBSET = 4


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Crops of one run, all memory-mapped.

    Attributes:
        train: what batches are made of; wider crops than the contract's with box jitter.
        rows: (M,) positions in `train` that are used, ascending.
        inner: (N,) share of each wide crop's side that the contract's square takes; 1 without margin.
        validation, test: the contract's crops.
    """

    train: CropSet
    rows: npt.NDArray[np.int64]
    inner: npt.NDArray[np.float64]
    validation: CropSet
    test: CropSet


def open_training_data(
    index: DatasetIndex, recipe: Recipe, folder: Path, *, progress: Progress | None = None
) -> TrainingData:
    """Open, or first build, the caches in `folder`/cache (and `folder`/cache-wide for box jitter).

    Raises DataError if a split lacks a class or training has fewer than two images.
    """
    sets = open_cache(index, recipe.contract, folder / "cache", progress=progress)
    train = sets["train"]
    inner: npt.NDArray[np.float64] = np.ones(len(train))
    if recipe.augment == "box-jitter":
        wide = margin_contract(recipe.contract, recipe.jitter)
        # Only the training split is ever jittered, so only that is cropped wide.
        train = _open_wide(index, sets, recipe, folder / "cache-wide", progress)
        inner = inner_shares(train.samples, recipe.contract, wide)
    for name, crops in {"train": train, "validation": sets["validation"], "test": sets["test"]}.items():
        if len(set(crops.labels.tolist())) < 2:
            raise DataError(f"the {name} split needs real and fake faces", file=index.root)
    rows = _subset(train.labels, recipe.train_images)
    return TrainingData(train, rows, inner, sets["validation"], sets["test"])


def steps_per_epoch(data: TrainingData, recipe: Recipe) -> int:
    """Full batches in one pass; a set smaller than a batch is one batch."""
    return max(1, len(data.rows) // recipe.batch)


def make_batch(data: TrainingData, recipe: Recipe, *, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Inputs float32 (B, 3, S, S) 0..255, channels-last, and labels float32 (B, 1) of one step.

    A pure function of its arguments: step s of a resumed run sees what it would have seen.
    """
    import torch

    epoch, place = divmod(step, steps_per_epoch(data, recipe))
    order = _cached_order(seed, epoch, len(data.rows))
    picks = data.rows[order[place * recipe.batch : (place + 1) * recipe.batch]]
    # Reading a memory map in file order costs fewer seeks; a batch has no order of its own.
    picks = np.sort(picks)
    crops = data.train.crops_nhwc[picks]
    generator = np.random.default_rng(derived_seed(seed, _STREAM_AUGMENT, step))
    labels = torch.from_numpy(data.train.labels[picks].astype(np.float32)).unsqueeze(1)
    if recipe.augment == "box-jitter":
        x = jitter_box(
            crops,
            data.inner[picks],
            size=recipe.size,
            jitter=recipe.jitter,
            box_scale=recipe.box_scale,
            generator=generator,
        )
        return x, labels
    if recipe.augment == "shift":
        crops = shift_and_flip(crops, shift=recipe.shift, generator=generator)
    return to_nchw(crops), labels


@lru_cache(maxsize=2)
def _cached_order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return epoch_order(seed, epoch, count)


def _open_wide(
    index: DatasetIndex,
    sets: Mapping[str, CropSet],
    recipe: Recipe,
    folder: Path,
    progress: Progress | None,
) -> CropSet:
    from dataclasses import replace

    only_train = replace(index, splits={"train": index.splits["train"]})
    wide = margin_contract(recipe.contract, recipe.jitter)
    crops = open_cache(only_train, wide, folder, progress=progress)["train"]
    if crops.samples != sets["train"].samples:
        raise DataError("pictures changed while their crops were made", file=index.root, hint="run it again")
    return crops


def _subset(labels: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.int64]:
    """Positions of at most `most` images, both classes in their own proportion; all of them for 0."""
    if not 0 < most < len(labels):
        return np.arange(len(labels))
    chosen = []
    for label in (0, 1):
        places = np.flatnonzero(labels == label)
        count = max(1, round(most * len(places) / len(labels)))
        order = np.random.default_rng([_STREAM_SUBSET, label]).permutation(len(places))
        chosen.append(places[order[:count]])
    return np.sort(np.concatenate(chosen))
