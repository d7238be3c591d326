"""Writes the benchmark as a data set folder: JPEG files in the Kaggle layout, masks, index.json."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import cv2

from edgedf.data.index_file import INDEX_NAME, IndexEntry, IndexFile
from edgedf.data.layout import CLASS_FOLDERS, SPLIT_FOLDERS
from edgedf.data.sample import FAKE, REAL, SPLITS
from edgedf.data.synth.goldens import DEFAULT_SIDE
from edgedf.data.synth.pair import Picture, render_pair
from edgedf.errors import FileError, UsageError
from edgedf.files import new_folder, sha256_bytes

NAME = "edgedf-synthetic-1"
SIDES = (96, 512)
MAX_PICTURES = 1_000_000
_CHUNK = 32
# Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkPlan:
    """What to write. Raises UsageError when built out of range.

    Attributes:
        train, validation, test: pictures per split, half of them fake; even, 2..1,000,000.
        seed: 0..2^32-1; people and pictures follow from it.
        side: side of the pictures in pixels, 96..512.
    """

    train: int = 4000
    validation: int = 600
    test: int = 1200
    seed: int = 0
    side: int = DEFAULT_SIDE

    def __post_init__(self) -> None:
        for split in SPLITS:
            count = getattr(self, split)
            if count % 2 or not 2 <= count <= MAX_PICTURES:
                raise UsageError(
                    f"is {count}, expected an even number in 2..{MAX_PICTURES}",
                    field=f"--{split}",
                    hint="pictures come in pairs, one real and one fake",
                )
        if not 0 <= self.seed < 1 << 32:
            raise UsageError(f"is {self.seed}, expected 0..4294967295", field="--seed")
        if not SIDES[0] <= self.side <= SIDES[1]:
            raise UsageError(f"is {self.side}, expected {SIDES[0]}..{SIDES[1]} pixels", field="--size")

    @property
    def counts(self) -> dict[str, int]:
        """Split -> number of pictures."""
        return {split: getattr(self, split) for split in SPLITS}

    def to_json(self) -> dict[str, Any]:
        """What index.json keeps as the recipe."""
        return {"benchmark": NAME, "counts": self.counts, "seed": self.seed, "side": self.side}


def write_benchmark(
    folder: Path, plan: BenchmarkPlan, *, jobs: int = 1, progress: Progress | None = None
) -> None:
    """Write the whole benchmark to a new folder, or nothing.

    Args:
        folder: must not exist yet.
        jobs: processes; the bytes are the same whatever their number.

    Raises FileError if `folder` exists or the disk is full.
    """
    if folder.exists() or folder.is_symlink():
        raise FileError("already exists", file=folder, hint="choose another name or remove it first")
    total = sum(plan.counts.values())
    entries: dict[str, IndexEntry] = {}
    with new_folder(folder) as temporary:
        _make_folders(temporary)
        with _mapper(jobs) as run:
            for part in run([_Chunk(temporary, plan, *span) for span in _spans(plan)]):
                entries |= part
                if progress is not None:
                    progress(len(entries), total)
        index = IndexFile(
            name=NAME,
            description=f"procedural faces, seed {plan.seed}: {total} pictures of {plan.side} px, half fake",
            recipe=plan.to_json(),
            entries=entries,
        )
        temporary.joinpath(INDEX_NAME).write_bytes(index.to_bytes())


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A piece of work for one process: pairs first..last-1 of a split."""

    folder: Path
    plan: BenchmarkPlan
    split: str
    first: int
    last: int


def _spans(plan: BenchmarkPlan) -> Iterator[tuple[str, int, int]]:
    for split, count in plan.counts.items():
        for first in range(0, count // 2, _CHUNK):
            yield split, first, min(first + _CHUNK, count // 2)


def _make_folders(folder: Path) -> None:
    for split in SPLIT_FOLDERS.values():
        for name in CLASS_FOLDERS.values():
            folder.joinpath(split, name).mkdir(parents=True)
        folder.joinpath("masks", split).mkdir(parents=True)


def _write_chunk(chunk: _Chunk) -> dict[str, IndexEntry]:
    """Render and write one chunk; returns its lines of index.json."""
    entries = {}
    for number in range(chunk.first, chunk.last):
        pair = render_pair(chunk.plan.seed, chunk.split, number, chunk.plan.side)
        for label, picture in zip((REAL, FAKE), pair, strict=True):
            path, entry = _write_picture(chunk.folder, chunk.split, label, number, picture)
            entries[path] = entry
    return entries


def _write_picture(
    folder: Path, split: str, label: int, number: int, picture: Picture
) -> tuple[str, IndexEntry]:
    path = f"{SPLIT_FOLDERS[split]}/{CLASS_FOLDERS[label]}/{number:06d}.jpg"
    folder.joinpath(path).write_bytes(picture.jpeg)
    mask_path = None
    if picture.mask is not None:
        mask_path = f"masks/{SPLIT_FOLDERS[split]}/{number:06d}.png"
        done, data = cv2.imencode(".png", picture.mask, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert done, "OpenCV could not write a PNG into memory"
        folder.joinpath(mask_path).write_bytes(bytes(data))
    return path, IndexEntry(
        picture.box, picture.identity, picture.kind, mask_path, sha256_bytes(picture.jpeg)
    )


_Mapper = Callable[[list[_Chunk]], Iterator[Mapping[str, IndexEntry]]]


@contextmanager
def _mapper(jobs: int) -> Iterator[_Mapper]:
    """A function that runs chunks, here or in `jobs` processes, and gives results as they come."""
    if jobs <= 1:
        yield lambda chunks: map(_write_chunk, chunks)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield lambda chunks: (
            f.result() for f in as_completed([pool.submit(_write_chunk, c) for c in chunks])
        )
    finally:
        # Before the temporary folder is removed, nobody must write into it any more.
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """One thread per process; Ctrl-C is the parent's to handle; nobody works on for a parent that is dead."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent was killed: a pool's workers would wait for work for ever."""
    parent = parent_process()
    assert parent is not None, "runs in a worker"
    wait([parent.sentinel])
    os._exit(1)
