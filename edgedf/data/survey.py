"""What `edgedf data show` says about a folder: counts, damaged pictures, people in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any

from edgedf.data.cache import reader_threads
from edgedf.data.cache_file import DamagedFile
from edgedf.data.identities import overlap_counts, shared_identities
from edgedf.data.index import read_dataset
from edgedf.data.index_file import INDEX_NAME
from edgedf.data.pictures import ignore_picture_warnings, read_picture
from edgedf.data.sample import FAKE, REAL, Sample
from edgedf.errors import EdgedfError

_BATCH = 256


@dataclass(frozen=True, slots=True)
class SplitSurvey:
    """One split: pictures per class, people, shortest and longest side in pixels, damaged files."""

    split: str
    real: int
    fake: int
    people: int
    sides: tuple[int, int] | None
    damaged: tuple[DamagedFile, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole data set.

    Attributes:
        name, description, fingerprint: as in the index.
        identity_source: where identities come from: "index.json", "file names" or "nowhere".
        splits: one survey each.
        kinds: kind -> pictures; empty where nobody knows.
        shared: "train+test" -> people who are in both; empty when all is well.
    """

    name: str
    description: str
    fingerprint: str
    identity_source: str
    splits: tuple[SplitSurvey, ...]
    kinds: Mapping[str, int]
    shared: Mapping[str, int]

    @property
    def good(self) -> bool:
        """Whether nobody is shared and nothing is damaged."""
        return not self.shared and not any(split.damaged for split in self.splits)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        splits = {
            s.split: {
                "real": s.real,
                "fake": s.fake,
                "people": s.people,
                "sides": None if s.sides is None else list(s.sides),
                "damaged": [{"path": file.path, "reason": file.reason} for file in s.damaged],
            }
            for s in self.splits
        }
        return {
            "name": self.name,
            "description": self.description,
            "fingerprint": self.fingerprint,
            "identity_source": self.identity_source,
            "splits": splits,
            "kinds": dict(self.kinds),
            "shared_identities": dict(self.shared),
            "good": self.good,
        }


def survey(root: Path, *, progress: Callable[[int, int], None] | None = None) -> Survey:
    """Read every picture of a data set once and say what is there.

    Raises DataError or FileError where the folder is not a data set at all.
    """
    index = read_dataset(root, allow_shared_identities=True)
    done = 0
    splits = []
    for name, samples in index.splits.items():

        def step(count: int, before: int = done) -> None:
            if progress is not None:
                progress(before + count, index.count)

        splits.append(_survey_split(index.root, name, samples, step))
        done += len(samples)
    every = [sample for samples in index.splits.values() for sample in samples]
    kinds = Counter(sample.kind for sample in every if sample.kind)
    known = any(sample.identity for sample in every)
    source = "index.json" if (root / INDEX_NAME).exists() else "file names"
    return Survey(
        name=index.name,
        description=index.description,
        fingerprint=index.fingerprint,
        identity_source=source if known else "nowhere",
        splits=tuple(splits),
        kinds=dict(sorted(kinds.items())),
        shared=overlap_counts(shared_identities(index.splits)),
    )


def _survey_split(
    root: Path, name: str, samples: tuple[Sample, ...], step: Callable[[int], None]
) -> SplitSurvey:
    def look(sample: Sample) -> tuple[int, int] | DamagedFile:
        try:
            height, width = read_picture(root / sample.path, sha256=sample.sha256).shape[:2]
        except EdgedfError as error:
            return DamagedFile(sample.path, error.problem)
        return height, width

    results: list[tuple[int, int] | DamagedFile] = []
    with ignore_picture_warnings(), ThreadPoolExecutor(reader_threads()) as pool:
        for batch in batched(samples, _BATCH):
            results += pool.map(look, batch)
            step(len(results))
    sides = [side for result in results if isinstance(result, tuple) for side in result]
    return SplitSurvey(
        split=name,
        real=sum(sample.label == REAL for sample in samples),
        fake=sum(sample.label == FAKE for sample in samples),
        people=len({person for sample in samples for person in sample.people}),
        sides=(min(sides), max(sides)) if sides else None,
        damaged=tuple(result for result in results if isinstance(result, DamagedFile)),
    )
