"""Listing a data set folder: what counts, what is refused, and that nothing leads out of it."""

from pathlib import Path

import pytest
from picture_files import jpeg, make_dataset

from edgedf.data.index import read_dataset
from edgedf.errors import DataError


def test_layout_gives_sorted_samples_with_labels_from_folders(tmp_path: Path) -> None:
    index = read_dataset(make_dataset(tmp_path / "set"))
    assert set(index.splits) == {"train", "validation", "test"}
    assert index.count == 12
    for samples in index.splits.values():
        assert [s.path for s in samples] == sorted(s.path for s in samples)
        assert [s.label for s in samples] == [1, 1, 0, 0]  # Fake sorts before Real
        assert all(("/Fake/" in s.path) == (s.label == 1) and s.box is None for s in samples)


def test_suffixes_case_and_strangers(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    folder = root / "Train" / "Real"
    for name in ("a.JPEG", "b.png", ".hidden.jpg", "notes.txt", "c.jpg.part"):
        folder.joinpath(name).write_bytes(jpeg())
    folder.joinpath("folder.jpg").mkdir()
    root.joinpath("Train").rename(root / "tRAIN")
    names = {Path(s.path).name for s in read_dataset(root).splits["train"]}
    assert {"a.JPEG", "b.png"} <= names
    assert not names & {".hidden.jpg", "notes.txt", "c.jpg.part", "folder.jpg"}


@pytest.mark.parametrize("missing", ["Train", "Validation", "Test", "Test/Fake", "Train/Real"])
def test_missing_split_or_class_is_named(tmp_path: Path, missing: str) -> None:
    root = make_dataset(tmp_path / "set")
    root.joinpath(missing).rename(tmp_path / "away")
    with pytest.raises(DataError, match=f"has no folder {Path(missing).name}") as caught:
        read_dataset(root)
    assert caught.value.hint is not None


def test_empty_class_is_named(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    for file in root.joinpath("Test", "Real").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="holds no pictures"):
        read_dataset(root)


def test_no_folder_empty_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_dataset(tmp_path / "nothing")
    with pytest.raises(DataError, match="has no folder Train"):
        read_dataset(tmp_path)
    tmp_path.joinpath("file").write_bytes(b"")
    with pytest.raises(DataError, match="is a file, not a folder"):
        read_dataset(tmp_path / "file")


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    root.joinpath("train").mkdir()
    with pytest.raises(DataError, match="has both Train and train"):
        read_dataset(root)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, what: str) -> None:
    root = make_dataset(tmp_path / "set")
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.joinpath("secret.jpg").write_bytes(jpeg())
    if what == "file":
        root.joinpath("Train", "Real", "x.jpg").symlink_to(outside / "secret.jpg")
    else:
        root.joinpath("Train", "Real").rename(tmp_path / "away")
        root.joinpath("Train", "Real").symlink_to(outside)
    with pytest.raises(DataError, match="leads out of the data set"):
        read_dataset(root)


def test_link_inside_is_read_and_dead_link_is_not(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    folder = root / "Train" / "Real"
    folder.joinpath("again.jpg").symlink_to(folder / "train0_0.jpg")
    folder.joinpath("dead.jpg").symlink_to(folder / "nothing.jpg")
    names = {Path(s.path).name for s in read_dataset(root).splits["train"]}
    assert "again.jpg" in names
    assert "dead.jpg" not in names


def test_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    try:
        root.joinpath("Train", "Real", "\udcff.jpg").write_bytes(jpeg())
    except OSError:
        pytest.skip("this file system keeps only UTF-8 names")
    with pytest.raises(DataError, match="not UTF-8"):
        read_dataset(root)


def test_fingerprint_follows_content_not_place(tmp_path: Path) -> None:
    first = read_dataset(make_dataset(tmp_path / "a"))
    second = read_dataset(make_dataset(tmp_path / "b"))
    assert first.fingerprint == second.fingerprint
    second.root.joinpath("Train", "Real", "more.jpg").write_bytes(jpeg())
    assert read_dataset(second.root).fingerprint != first.fingerprint
