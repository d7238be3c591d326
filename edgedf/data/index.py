"""From a data set's folder to an index of samples: layout, index.json, identities, fingerprint."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgedf.data.identities import identities_from_names, overlap_counts, shared_identities
from edgedf.data.index_file import INDEX_NAME, IndexEntry, IndexFile, read_index_file
from edgedf.data.layout import PictureFile, list_pictures
from edgedf.data.sample import SPLITS, DatasetIndex, Sample
from edgedf.errors import DataError

__all__ = ["SPLITS", "DatasetIndex", "Sample", "read_dataset"]


def read_dataset(root: Path, *, allow_shared_identities: bool = False) -> DatasetIndex:
    """List and check a data set in the Kaggle layout, with edgedf's index.json if there is one.

    Args:
        root: folder with Train, Validation and Test.
        allow_shared_identities: do not refuse a data set whose splits share people (for reports).

    Raises DataError if a split or class is missing or empty, index.json is wrong or speaks of other
    pictures, or people are in more than one split; FileError if something cannot be read.

    Example:
        index = read_dataset(Path("faces"))
        print(len(index.splits["train"]), index.fingerprint)
    """
    pictures = list_pictures(root)
    entries, index_file = read_entries(root, pictures)
    samples = {picture.path: sample_of(picture, entries[picture.path]) for picture in pictures}
    splits = {name: tuple(samples[p.path] for p in pictures if p.split == name) for name in SPLITS}
    if not allow_shared_identities:
        refuse_shared_identities(root, splits)
    return DatasetIndex(
        root=root,
        name=index_file.name if index_file else root.resolve().name,
        splits=splits,
        fingerprint=_fingerprint(pictures, entries, index_file),
        stamp=_digest(f"{p.path}\0{p.bytes}\0{p.changed}" for p in pictures),
        description=index_file.description if index_file else "",
    )


def read_entries(
    root: Path, pictures: Sequence[PictureFile]
) -> tuple[dict[str, IndexEntry], IndexFile | None]:
    """What index.json, or else the file names, say about each picture in `root`, by path; and index.json.

    Raises DataError if index.json is wrong or speaks of other pictures, FileError if it cannot be read.
    """
    index_file = read_index_file(root)
    if index_file is None:
        names = identities_from_names(pictures)
        return {p.path: IndexEntry(None, names.get(p.path), "", None, None) for p in pictures}, None
    _check_same_pictures(root, pictures, index_file.entries)
    return dict(index_file.entries), index_file


def refuse_shared_identities(root: Path, splits: Mapping[str, tuple[Sample, ...]]) -> None:
    """Raise DataError if anybody is in more than one split."""
    shared = shared_identities(splits)
    if not shared:
        return
    where = ", ".join(f"{count} in {pair}" for pair, count in overlap_counts(shared).items())
    people = f"{len(shared)} people are" if len(shared) > 1 else "1 person is"
    raise DataError(
        f"{people} in more than one split ({where}), first {next(iter(shared))!r}",
        file=root,
        hint=f"`edgedf data split {shlex.quote(str(root))} NEW` copies it to splits that share nobody",
    )


def _check_same_pictures(
    root: Path, pictures: Iterable[PictureFile], entries: Mapping[str, IndexEntry]
) -> None:
    """index.json and the folders must speak of the same files; nothing is guessed."""
    on_disk = {picture.path for picture in pictures}
    for odd, problem in (
        (sorted(set(entries) - on_disk), "names {} that no folder holds"),
        (sorted(on_disk - set(entries)), "does not name {} that the folders hold"),
    ):
        if odd:
            count = "1 picture" if len(odd) == 1 else f"{len(odd)} pictures"
            raise DataError(
                problem.format(count),
                file=root / INDEX_NAME,
                field=odd[0][:200],
                hint="make the data set again, or remove index.json to use the folders alone",
            )


def sample_of(picture: PictureFile, entry: IndexEntry) -> Sample:
    """A listed picture with what is known about it."""
    return Sample(
        path=picture.path,
        label=picture.label,
        box=entry.box,
        identity=entry.identity,
        kind=entry.kind,
        mask=entry.mask,
        sha256=entry.sha256,
    )


def _fingerprint(
    pictures: Iterable[PictureFile], entries: Mapping[str, IndexEntry], index_file: IndexFile | None
) -> str:
    head = ["", ""] if index_file is None else [index_file.name, index_file.description]
    rows = (f"{p.path}\0{p.bytes}\0{json.dumps(entries[p.path].to_json(), sort_keys=True)}" for p in pictures)
    return _digest([*head, *rows])


def _digest(rows: Iterable[str]) -> str:
    """sha256 over length-prefixed rows, so that no two lists of rows share a digest by concatenation."""
    digest = hashlib.sha256()
    for row in rows:
        data = row.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
