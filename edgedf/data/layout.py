"""The Kaggle layout on disk: `{Train,Validation,Test}/{Fake,Real}/*.jpg|.jpeg|.png`, listed safely."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgedf.data.sample import FAKE, REAL, SPLITS
from edgedf.errors import DataError
from edgedf.os_errors import read_error

SPLIT_FOLDERS: Mapping[str, str] = {"train": "Train", "validation": "Validation", "test": "Test"}
CLASS_FOLDERS: Mapping[int, str] = {REAL: "Real", FAKE: "Fake"}
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
LAYOUT_HINT = "expected Train, Validation and Test, each with Fake and Real folders of .jpg or .png files"


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One picture as listed: relative POSIX path, split, label, size in bytes, time of change in ns."""

    path: str
    split: str
    label: int
    bytes: int
    changed: int


def list_pictures(root: Path) -> tuple[PictureFile, ...]:
    """Every picture of the layout under `root`, sorted by path. No picture is opened.

    Folder names may be in any case ("train/fake"). Hidden files and other suffixes are skipped.
    Raises DataError if the folder is not of this layout, lacks a split or class, or holds a link that
    leads out of it; FileError if a folder cannot be read.
    """
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "no such folder"
        raise DataError(problem, file=root, hint="name a data set's folder")
    found: list[PictureFile] = []
    for split in SPLITS:
        split_folder = _only_folder(root, SPLIT_FOLDERS[split])
        found += _class_pictures(root, split_folder, split, LAYOUT_HINT)
    return tuple(sorted(found, key=lambda picture: picture.path))


def has_classes(root: Path) -> bool:
    """Whether `root` itself has a Fake and a Real folder: a data set without splits."""
    return root.is_dir() and all(_folders(root, name) for name in CLASS_FOLDERS.values())


def list_classes(root: Path) -> tuple[PictureFile, ...]:
    """Every picture of `root`/Fake and `root`/Real, sorted by path; their split is "". Errors as above."""
    found = _class_pictures(root, root, "", "expected .jpg or .png files")
    return tuple(sorted(found, key=lambda picture: picture.path))


def _class_pictures(root: Path, parent: Path, split: str, hint: str) -> list[PictureFile]:
    """The pictures in the Real and Fake folders of `parent`. Raises DataError with `hint` if one has none."""
    found: list[PictureFile] = []
    for label, name in CLASS_FOLDERS.items():
        folder = _only_folder(parent, name)
        pictures = list(_pictures(root, folder, split, label))
        if not pictures:
            raise DataError("holds no pictures", file=folder, hint=hint)
        found += pictures
    return found


def _only_folder(parent: Path, name: str) -> Path:
    """The one folder of `parent` called `name`, whatever its case."""
    matches = _folders(parent, name)
    if not matches:
        raise DataError(f"has no folder {name}", file=parent, hint=LAYOUT_HINT)
    if len(matches) > 1:
        both = " and ".join(sorted(match.name for match in matches))
        raise DataError(f"has both {both}", file=parent, hint="keep one of them")
    return matches[0]


def _folders(parent: Path, name: str) -> list[Path]:
    """Every folder of `parent` called `name`, whatever its case."""
    try:
        return [entry for entry in parent.iterdir() if entry.name.lower() == name.lower() and entry.is_dir()]
    except OSError as error:
        raise read_error(parent, error) from error


def _pictures(root: Path, folder: Path, split: str, label: int) -> Iterator[PictureFile]:
    """The pictures directly in `folder`."""
    inside = root.resolve()
    refuse_escape(folder, inside)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.lower().endswith(PICTURE_SUFFIXES):
                    continue
                path = folder / entry.name
                if entry.is_symlink():
                    refuse_escape(path, inside)
                if not entry.is_file():
                    continue
                relative = path.relative_to(root).as_posix()
                status = entry.stat()
                yield PictureFile(_utf8(relative, path), split, label, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise read_error(folder, error) from error


def refuse_escape(path: Path, inside: Path) -> None:
    """A data set from elsewhere must not make us read the rest of the disk."""
    if not path.resolve().is_relative_to(inside):
        raise DataError(
            "is a link that leads out of the data set",
            file=path,
            hint="copy the files into the folder, or pass the folder they are in",
        )


def _utf8(relative: str, path: Path) -> str:
    """`relative` if it can be written to JSON, else a DataError."""
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise DataError("file name is not UTF-8", file=repr(path), hint="rename the file") from None
    return relative
