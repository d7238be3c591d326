"""Who is in a picture, and whether anybody is in two splits at once.

A detector that saw a person in training recognises the person, not the forgery; so splits share nobody.
Identities come from index.json, or from file names in the manner of FaceForensics++:
fakes `TTT_SSS...` (target and source, three digits each), real ones `NNN...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import PurePosixPath

from edgedf.data.layout import PictureFile
from edgedf.data.sample import FAKE, IDENTITY_JOIN, Sample

_PAIR = re.compile(r"(\d{3})_(\d{3})(?=$|[_-])")
_SINGLE = re.compile(r"(\d{3})(?=$|[_-])")


def identities_from_names(pictures: Iterable[PictureFile]) -> dict[str, str]:
    """Relative path -> identity, if every file is named in the manner of FaceForensics++; else empty.

    All or nothing, because `012.jpg` alone may as well be a running number.
    """
    found: dict[str, str] = {}
    for picture in pictures:
        stem = PurePosixPath(picture.path).stem
        match = (_PAIR if picture.label == FAKE else _SINGLE).match(stem)
        if match is None:
            return {}
        found[picture.path] = IDENTITY_JOIN.join(match.groups())
    return found


def shared_identities(splits: Mapping[str, Sequence[Sample]]) -> dict[str, tuple[str, ...]]:
    """Identity -> the splits it is in, for everybody who is in more than one; sorted by identity."""
    homes: dict[str, list[str]] = {}
    for split, samples in splits.items():
        for person in {person for sample in samples for person in sample.people}:
            homes.setdefault(person, []).append(split)
    return {person: tuple(homes[person]) for person in sorted(homes) if len(homes[person]) > 1}


def overlap_counts(shared: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """ "train+test" -> how many people are in both, for every pair of splits that shares somebody."""
    counts: dict[str, int] = {}
    for homes in shared.values():
        for pair in combinations(homes, 2):
            counts["+".join(pair)] = counts.get("+".join(pair), 0) + 1
    return counts
