"""The crop cache: every face of a data set cropped once, as one memory-mapped uint8 file per split.

A cache folder holds `cache.json` and `train.u8`, `validation.u8`, `test.u8`: crops (S, S, 3) one after
another without a header. It is written whole or not at all, and made again when the data set, the
pictures' times of change or the contract's crop are no longer those it was made from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import batched
from pathlib import Path

import numpy as np

from edgedf.contract import Contract
from edgedf.crop import U8
from edgedf.data.cache_file import CACHE_NAME, CacheFile, CacheReport, DamagedFile, read_cache_file
from edgedf.data.cropset import CropSet, crop_sample, labels_of
from edgedf.data.index import DatasetIndex
from edgedf.data.pictures import ignore_picture_warnings, read_picture
from edgedf.data.sample import FAKE, REAL, Sample
from edgedf.errors import DataError, EdgedfError, FileError
from edgedf.files import new_folder, sha256_bytes

__all__ = ["CacheReport", "CropSet", "DamagedFile", "cache_report", "open_cache"]

# Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]
# Pictures read ahead of the writer; bounds the memory of one build.
_BATCH = 256
# Above this share of damaged files a split no longer stands for its data set.
MAX_DAMAGED_SHARE = 0.5


def open_cache(
    index: DatasetIndex, contract: Contract, folder: Path, *, progress: Progress | None = None
) -> dict[str, CropSet]:
    """Split name -> crops, from the cache in `folder`, which is built first if it is missing or stale.

    Damaged pictures are left out; `cache_report(folder)` names them.
    Raises DataError if half of a split is damaged or a class is gone, FileError if the disk is full or
    `folder` holds something else than a cache.

    Example:
        sets = open_cache(read_dataset(Path("faces")), Contract(size=128), Path("runs/a/cache"))
        print(sets["train"].crops_nhwc.shape)
    """
    key = cache_key(index, contract)
    cache = read_cache_file(folder)
    if cache is None or cache.key != key or not _is_whole(folder, cache, index):
        _refuse_foreign_folder(folder)
        with new_folder(folder, replace=True) as temporary:
            cache = _build(index, contract, key, temporary, progress)
            temporary.joinpath(CACHE_NAME).write_bytes(cache.to_bytes())
    return {name: _open_split(folder, cache, name, samples) for name, samples in index.splits.items()}


def cache_report(folder: Path) -> CacheReport:
    """What the build of a cache met: counts and every damaged file. Raises DataError if there is no cache."""
    cache = read_cache_file(folder)
    if cache is None:
        raise DataError("holds no crop cache", file=folder)
    return cache.report


def cache_key(index: DatasetIndex, contract: Contract) -> str:
    """Hash of all a crop depends on: data set, times of change of its files, the contract's crop fields."""
    parts = [index.fingerprint, index.stamp, contract.crop, contract.color]
    parts += [str(contract.size), repr(float(contract.box_scale))]
    return sha256_bytes("\0".join(parts).encode())


def _build(
    index: DatasetIndex, contract: Contract, key: str, folder: Path, progress: Progress | None
) -> CacheFile:
    """Write every split's crops into `folder`; return what goes into its cache.json."""
    crop_bytes = contract.size * contract.size * 3
    _need_space(folder, index.count * crop_bytes)
    damaged: list[DamagedFile] = []
    counts: dict[str, int] = {}
    done = 0
    with ignore_picture_warnings(), ThreadPoolExecutor(reader_threads()) as pool:
        for name, samples in index.splits.items():
            bad: list[DamagedFile] = []
            # Closed on the way out of an interruption too: it drops the pictures that wait to be read.
            crops = closing(_crops(pool, index.root, samples, contract))
            with crops as results, (folder / f"{name}.u8").open("wb") as stream:
                for result in results:
                    # Written, not mapped: a full disk is then an error and not a killed process.
                    if isinstance(result, DamagedFile):
                        bad.append(result)
                    else:
                        stream.write(result.tobytes())
                    done += 1
                    if progress is not None:
                        progress(done, index.count)
            _check_what_is_left(index.root, name, samples, bad)
            counts[name] = len(samples) - len(bad)
            damaged += bad
    return CacheFile(key=key, size=contract.size, report=CacheReport(counts, tuple(damaged)))


def _crops(
    pool: ThreadPoolExecutor, root: Path, samples: Sequence[Sample], contract: Contract
) -> Generator[U8 | DamagedFile]:
    """One result per sample, in order, whatever the number of threads."""

    def crop(sample: Sample) -> U8 | DamagedFile:
        path = root / sample.path
        try:
            return crop_sample(read_picture(path, sha256=sample.sha256), sample.box, contract)
        except EdgedfError as error:
            return DamagedFile(sample.path, error.problem)

    for batch in batched(samples, _BATCH):
        yield from pool.map(crop, batch)


def _check_what_is_left(
    root: Path, split: str, samples: Iterable[Sample], damaged: Sequence[DamagedFile]
) -> None:
    """Raise DataError if a split lost half of its pictures or a whole class."""
    bad = {file.path for file in damaged}
    labels = [sample.label for sample in samples]
    left = {sample.label for sample in samples if sample.path not in bad}
    if len(bad) > MAX_DAMAGED_SHARE * len(labels) or not {REAL, FAKE} <= left:
        raise DataError(
            f"{len(bad)} of {len(labels)} pictures of the {split} split are damaged,"
            f" first {damaged[0].path} ({damaged[0].reason})",
            file=root,
            hint="copy or make the data set again",
        )


def _open_split(folder: Path, cache: CacheFile, name: str, samples: Sequence[Sample]) -> CropSet:
    """The memory-mapped crops of one split and the samples they are of."""
    bad = {file.path for file in cache.report.damaged}
    kept = tuple(sample for sample in samples if sample.path not in bad)
    shape = (len(kept), cache.size, cache.size, 3)
    crops = np.memmap(folder / f"{name}.u8", dtype=np.uint8, mode="r", shape=shape)
    return CropSet(crops, labels_of(kept), kept)


def _is_whole(folder: Path, cache: CacheFile, index: DatasetIndex) -> bool:
    """Whether cache.json adds up and every crop file has the length it says."""
    bad = {file.path for file in cache.report.damaged}
    for name, samples in index.splits.items():
        kept = sum(sample.path not in bad for sample in samples)
        file = folder / f"{name}.u8"
        if cache.report.counts[name] != kept or not file.is_file():
            return False
        if file.stat().st_size != kept * cache.size * cache.size * 3:
            return False
    return True


def _refuse_foreign_folder(folder: Path) -> None:
    """Building replaces the folder, so it must be ours, empty or absent."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FileError("is not a folder", file=folder, hint="name another folder for the cache")
    if folder.is_dir() and not (folder / CACHE_NAME).exists() and any(folder.iterdir()):
        raise FileError(
            "holds other files than a cache", file=folder, hint="name another folder for the cache"
        )


def _need_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FileError(
            f"the crop cache needs {needed / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB free",
            file=folder.parent,
            hint="free some space or put the run on another disk; nothing was changed",
        )


def reader_threads() -> int:
    """Threads that read pictures: one per processor this process may use, at most 16."""
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
