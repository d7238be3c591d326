"""index.json: read strictly, refused when hostile, and identities never shared between splits."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import make_dataset

from edgedf.crop import Box
from edgedf.data.index import read_dataset
from edgedf.data.index_file import IndexEntry, IndexFile, read_index_file
from edgedf.errors import DataError, EdgedfError

ENTRY: dict[str, Any] = {"box": [1, 2, 30, 40.5], "identity": None, "kind": "", "mask": None, "sha256": None}


def write_index(root: Path, change: dict[str, Any] | None = None, **entry: Any) -> Path:
    """An index.json for every picture of `root`, the first entry changed by `entry`."""
    paths = sorted(p.relative_to(root).as_posix() for p in root.glob("*/*/*.jpg"))
    samples = {path: dict(ENTRY) for path in paths}
    samples[paths[0]] |= entry
    head = {"format": "edgedf-dataset", "format_version": 1, "name": "n", "description": "d", "recipe": {}}
    root.joinpath("index.json").write_text(json.dumps({**head, "samples": samples, **(change or {})}))
    return root


def test_good_index_gives_boxes(tmp_path: Path) -> None:
    root = write_index(make_dataset(tmp_path / "set"), identity="a+b", kind="swap")
    index = read_dataset(root)
    assert index.name == "n"
    sample = next(s for split in index.splits.values() for s in split if s.kind == "swap")
    assert sample.box == Box(1, 2, 30, 40.5)
    assert sample.people == ("a", "b")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("box", [1, 2, 3]),
        ("box", [1, 2, 0, 4]),
        ("box", [1, 2, -3, 4]),
        ("box", [1, 2, 1e300, 4]),
        ("box", [10**18, 2, 3, 4]),
        ("box", [True, 2, 3, 4]),
        ("box", "1 2 3 4"),
        ("identity", 7),
        ("kind", None),
        ("kind", "x" * 501),
        ("mask", "../../secret.png"),
        ("mask", "/etc/passwd"),
        ("mask", "a\\b.png"),
        ("mask", "C:/x.png"),
        ("mask", "a//b.png"),
        ("mask", "\x1b[2J.png"),
        ("identity", "a\nb"),
        ("kind", "\u202eswap"),
        ("mask", ""),
        ("sha256", "ABC"),
        ("extra", 1),
    ],
)
def test_bad_entry_is_named(tmp_path: Path, field: str, value: Any) -> None:
    root = write_index(make_dataset(tmp_path / "set"), **{field: value})
    with pytest.raises(DataError, match=f"samples.Test/Fake/test1_0.jpg.{field}"):
        read_dataset(root)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"format_version": 2},
        {"format_version": True},
        {"more": 1},
        {"samples": []},
        {"samples": {}},
        {"samples": {"../x.jpg": ENTRY}},
        {"samples": {"Train/Real/nothing.jpg": ENTRY}},
        {"name": 3},
        {"recipe": None},
    ],
)
def test_bad_head_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        read_dataset(write_index(make_dataset(tmp_path / "set"), change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"format": NaN}',
        b'{"format": 1, "format": 2}',
        b"[" * 100_000,
        b'"' + b"a" * 1000,
    ],
)
def test_bytes_that_are_no_index_are_one_error(tmp_path: Path, data: bytes) -> None:
    root = make_dataset(tmp_path / "set")
    root.joinpath("index.json").write_bytes(data)
    with pytest.raises(DataError, match=r"index\.json"):
        read_dataset(root)


def test_huge_index_is_refused_unread(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    with root.joinpath("index.json").open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    with pytest.raises(EdgedfError, match="larger than"):
        read_dataset(root)


def test_index_that_is_a_link_is_refused(tmp_path: Path) -> None:
    root = write_index(make_dataset(tmp_path / "set"))
    root.joinpath("index.json").rename(tmp_path / "elsewhere.json")
    root.joinpath("index.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(DataError, match="is a link"):
        read_dataset(root)


def test_picture_the_index_does_not_name_is_refused(tmp_path: Path) -> None:
    root = write_index(make_dataset(tmp_path / "set"))
    root.joinpath("Test", "Real", "new.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="does not name 1 picture"):
        read_dataset(root)


_printable = st.characters(codec="utf-8", exclude_characters="\\:/").filter(str.isprintable)
_texts = st.text(_printable, min_size=1, max_size=20).filter(lambda text: text not in (".", ".."))
_numbers = st.floats(-1e5, 1e5)
_sides = st.floats(1e-3, 1e5)
_entries = st.builds(
    IndexEntry,
    box=st.none() | st.builds(Box, _numbers, _numbers, _sides, _sides),
    identity=st.none() | _texts,
    kind=_texts,
    mask=st.none() | _texts,
    sha256=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)


@settings(max_examples=60, deadline=None)
@given(entries=st.dictionaries(_texts, _entries, max_size=4))
def test_index_file_round_trips(tmp_path_factory: pytest.TempPathFactory, entries: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("index")
    written = IndexFile("name", "description", {"seed": 1}, entries)
    folder.joinpath("index.json").write_bytes(written.to_bytes())
    assert read_index_file(folder) == written


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_index_with_a_changed_byte_is_an_error_or_an_index(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    folder = tmp_path_factory.mktemp("index")
    entries = {
        f"Train/Real/{n}.jpg": IndexEntry(Box(1, 2, 3, 4), "a+b", "swap", None, None) for n in range(5)
    }
    data = bytearray(IndexFile("name", "description", {"seed": 1}, entries).to_bytes())
    data[place % len(data)] = byte
    folder.joinpath("index.json").write_bytes(bytes(data))
    with contextlib.suppress(DataError):
        assert isinstance(read_index_file(folder), IndexFile)


def test_person_in_two_splits_is_refused_with_the_count(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    write_index(root)
    value = json.loads(root.joinpath("index.json").read_text())
    for path, entry in value["samples"].items():
        entry["identity"] = path.split("/")[0]
    value["samples"]["Test/Fake/test1_0.jpg"]["identity"] = "Test+Train"
    root.joinpath("index.json").write_text(json.dumps(value))
    with pytest.raises(
        DataError, match=r"1 person is in more than one split \(1 in train\+test\), first 'Train'"
    ):
        read_dataset(root)
    assert read_dataset(root, allow_shared_identities=True).count == 12


def rename_like_faceforensics(root: Path, *, shift: int) -> None:
    """FaceForensics++ names; each split starts `shift` people after the one before."""
    for place, split in enumerate(("Train", "Validation", "Test")):
        for label in ("Fake", "Real"):
            for number, file in enumerate(sorted(root.joinpath(split, label).iterdir())):
                who = place * shift + number
                name = f"{who:03d}_{who + 1:03d}_0001.jpg" if label == "Fake" else f"{who:03d}_0001.jpg"
                file.rename(file.with_name(name))


def test_faceforensics_names_carry_both_people_of_a_pair(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "apart")
    rename_like_faceforensics(root, shift=10)
    index = read_dataset(root)
    assert [s.people for s in index.splits["train"]] == [("000", "001"), ("001", "002"), ("000",), ("001",)]
    together = make_dataset(tmp_path / "together")
    rename_like_faceforensics(together, shift=2)  # the source of the last training pair is a target next
    with pytest.raises(DataError, match="2 people are in more than one split"):
        read_dataset(together)


def test_one_other_name_means_no_identities_at_all(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "set")
    rename_like_faceforensics(root, shift=1)
    root.joinpath("Train", "Real", "000_0001.jpg").rename(root / "Train" / "Real" / "cat.jpg")
    index = read_dataset(root)
    assert not any(sample.people for samples in index.splits.values() for sample in samples)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"d"', b'"\\ud800"'),
        (b'"description"', b'"\\udc00"'),
        (b'"recipe": {}', b'"recipe": {"lr": 1e400}'),
        (b'"recipe": {}', b'"recipe": {"n": ' + b"9" * 400 + b"}"),
        (b'"recipe": {}', b'"recipe": ' + b'{"a":' * 80 + b"1" + b"}" * 80),
        (b"{", b"\xef\xbb\xbf{"),
    ],
)
def test_json_that_breaks_later_code_is_a_named_error(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = write_index(make_dataset(tmp_path / "set")) / "index.json"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match=r"index\.json: not valid JSON"):
        read_index_file(path.parent)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_other_encodings_are_a_named_error(tmp_path: Path, encoding: str) -> None:
    path = write_index(make_dataset(tmp_path / "set")) / "index.json"
    path.write_bytes(path.read_text().encode(encoding))
    with pytest.raises(DataError, match="not valid JSON"):
        read_index_file(path.parent)
