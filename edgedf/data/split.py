"""A data set in the Kaggle layout from pictures without splits, or with people in several."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from edgedf.data.index import read_entries, sample_of
from edgedf.data.index_file import INDEX_NAME, IndexFile
from edgedf.data.layout import (
    CLASS_FOLDERS,
    SPLIT_FOLDERS,
    PictureFile,
    has_classes,
    list_classes,
    list_pictures,
    refuse_escape,
)
from edgedf.data.partition import Groups, Shares, partition, people_groups
from edgedf.data.sample import FAKE, SPLITS, Sample
from edgedf.errors import DataError, UsageError
from edgedf.files import new_folder, open_regular

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Where every picture goes.

    Attributes:
        root: the folder that is read.
        samples: its pictures, sorted by path.
        splits: the split of each.
        targets: the path of each below the new folder.
        index: the new index.json, where the old folder had one.
        groups: how many groups of people share nobody, every unknown picture counted as one.
        known: whether anybody in the pictures is known by name.
    """

    root: Path
    samples: tuple[Sample, ...]
    splits: tuple[str, ...]
    targets: tuple[str, ...]
    index: IndexFile | None
    groups: int
    known: bool

    @property
    def copies(self) -> dict[str, str]:
        """Path below `root` -> path below the new folder, of masks and pictures."""
        masks = sorted({sample.mask for sample in self.samples if sample.mask is not None})
        pictures = (sample.path for sample in self.samples)
        return dict(zip(masks, masks, strict=True)) | dict(zip(pictures, self.targets, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Pictures by split and class, and how they were grouped."""
        counts = {split: dict.fromkeys(("real", "fake"), 0) for split in SPLITS}
        for sample, split in zip(self.samples, self.splits, strict=True):
            counts[split]["fake" if sample.label == FAKE else "real"] += 1
        return {"splits": counts, "groups": self.groups, "identities_known": self.known}


def plan_split(root: Path, *, validation: float, test: float, seed: int) -> SplitPlan:
    """Plan a split of the pictures in `root`, either {Fake,Real} or the whole Kaggle layout.

    Args:
        validation, test: share of the pictures wanted there, above 0; the rest is for training.

    Raises UsageError if nothing is left for training; DataError if the folder holds no such pictures, its
    index.json is wrong, or so many people meet in its pictures that a split would lack a class.
    """
    if not 0 < validation < 1 or not 0 < test < 1 or validation + test > 0.9:
        raise UsageError("leave less than a tenth for training", field="--validation and --test")
    shares: Shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    pictures = list_classes(root) if has_classes(root) else list_pictures(root)
    entries, index = read_entries(root, pictures)
    samples = tuple(sample_of(picture, entries[picture.path]) for picture in pictures)
    groups = people_groups(samples)
    splits = partition(samples, groups, shares, seed=seed)
    _check_whole(root, samples, splits, groups)
    targets = _targets(pictures, splits)
    return SplitPlan(
        root=root,
        samples=samples,
        splits=splits,
        targets=targets,
        index=None if index is None else _moved(index, samples, targets),
        groups=len(groups),
        known=any(sample.people for sample in samples),
    )


def write_split(plan: SplitPlan, folder: Path, *, progress: Progress | None = None) -> None:
    """Copy the pictures and their masks to the new folder; it appears when complete.

    Args:
        progress: called with the number of files copied, of those in `plan.copies`.
    Raises FileError if `folder` exists, cannot be written, or a picture cannot be read; UsageError if it and
    the folder that is read lie in one another.
    """
    new, old = folder.resolve(), plan.root.resolve()
    if new == old or old in new.parents or new in old.parents:
        raise UsageError(
            f"{folder} and {plan.root} lie in one another", field="OUT", hint="name a new folder"
        )
    with new_folder(folder) as made:
        for number, (source, target) in enumerate(plan.copies.items(), 1):
            path = made / target
            path.parent.mkdir(parents=True, exist_ok=True)
            refuse_escape(plan.root / source, old)
            with open_regular(plan.root / source) as stream, path.open("xb") as copy:
                shutil.copyfileobj(stream, copy)
            if progress is not None:
                progress(number)
        if plan.index is not None:
            (made / INDEX_NAME).write_bytes(plan.index.to_bytes())


def _check_whole(root: Path, samples: Sequence[Sample], splits: Sequence[str], groups: Groups) -> None:
    """Raise DataError if a split lacks a class."""
    filled = {(split, sample.label) for split, sample in zip(splits, samples, strict=True)}
    for split in SPLITS:
        for label, name in CLASS_FOLDERS.items():
            if (split, label) not in filled:
                largest = max(len(group) for group in groups)
                raise DataError(
                    f"{SPLIT_FOLDERS[split]} would hold no {name} pictures: {len(groups)} groups of people "
                    f"share nobody, and the largest holds {largest} of {len(samples)} pictures",
                    file=root,
                    hint="add people, or leave out the fakes that join many of them",
                )


def _targets(pictures: Sequence[PictureFile], splits: Sequence[str]) -> tuple[str, ...]:
    """New paths; of equal names in one new folder the later ones get that of their old split behind them.

    `-train` and the like keep a name's identities, see data/identities.py.
    """
    taken: set[str] = set()
    result = []
    for picture, split in zip(pictures, splits, strict=True):
        folder = PurePosixPath(SPLIT_FOLDERS[split], CLASS_FOLDERS[picture.label])
        name = PurePosixPath(picture.path)
        path, number = folder / name.name, 1
        while str(path).lower() in taken:
            end = f"-{picture.split or 'copy'}" + (f"-{number}" if number > 1 else "")
            path, number = folder / f"{name.stem}{end}{name.suffix}", number + 1
        taken.add(str(path).lower())
        result.append(str(path))
    return tuple(result)


def _moved(index: IndexFile, samples: Sequence[Sample], targets: Sequence[str]) -> IndexFile:
    """index.json with the new paths."""
    entries = {target: index.entries[sample.path] for sample, target in zip(samples, targets, strict=True)}
    return replace(index, entries=entries)
