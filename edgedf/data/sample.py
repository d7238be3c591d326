"""What a data set is: samples in three splits, with a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgedf.crop import Box

SPLITS = ("train", "validation", "test")
REAL, FAKE = 0, 1
# Joins the people of one picture: a swapped face has two.
IDENTITY_JOIN = "+"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of one face.

    Attributes:
        path: POSIX path relative to the data set's folder, such as "Train/Fake/000001.jpg".
        label: 1 for fake, 0 for real.
        box: the face in pixels of the upright picture, or None where the picture is a face crop already.
        identity: who is in it; the people of a pair are joined by "+". None where nobody knows.
        kind: how a fake was made ("swap", ...), "real" for a real one, "" where nobody knows.
        mask: POSIX path of the picture of what was changed, or None.
        sha256: hash of the picture's bytes, or None where there is no index.json.
    """

    path: str
    label: int
    box: Box | None
    identity: str | None
    kind: str
    mask: str | None = None
    sha256: str | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Every identity in the picture; empty where nobody knows."""
        return tuple(self.identity.split(IDENTITY_JOIN)) if self.identity else ()


@dataclass(frozen=True, slots=True)
class DatasetIndex:
    """A data set that was listed and checked; no picture has been opened yet.

    Attributes:
        root: its folder.
        name: short name, by default the folder's.
        splits: "train", "validation", "test" -> samples, sorted by path.
        fingerprint: sha256 over every path, file size and index entry; equal copies have equal ones.
        stamp: sha256 over every file's time of change; tells a cache that a picture was replaced.
        description: one line from index.json, or "".
    """

    root: Path
    name: str
    splits: Mapping[str, tuple[Sample, ...]]
    fingerprint: str
    stamp: str
    description: str

    @property
    def count(self) -> int:
        """Number of samples in all splits."""
        return sum(len(samples) for samples in self.splits.values())
