"""The crop cache: right crops, made again only when it must be, damaged pictures left out and named."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from picture_files import jpeg, make_dataset
from PIL import Image

from edgedf.contract import Contract
from edgedf.data import cache as cache_module
from edgedf.data.cache import cache_report, open_cache
from edgedf.data.index import read_dataset
from edgedf.errors import DataError, FileError

CONTRACT = Contract(size=32)


def stamps(folder: Path) -> dict[str, int]:
    """Inode of each file: a rebuilt cache has new ones."""
    return {file.name: file.stat().st_ino for file in folder.iterdir()}


def test_crops_are_pillows_largest_centred_square(tmp_path: Path) -> None:
    index = read_dataset(make_dataset(tmp_path / "set", per_class=3))
    sets = open_cache(index, CONTRACT, tmp_path / "cache")
    assert list(sets) == ["train", "validation", "test"]
    for name, crops in sets.items():
        assert crops.crops_nhwc.shape == (6, 32, 32, 3)
        assert isinstance(crops.crops_nhwc, np.memmap)
        assert crops.samples == index.splits[name]
        assert crops.labels.tolist() == [s.label for s in crops.samples]
        for crop, sample in zip(crops.crops_nhwc, crops.samples, strict=True):
            whole = Image.open(index.root / sample.path).convert("RGB").crop((5, 0, 35, 30))
            assert np.array_equal(crop, whole.resize((32, 32), Image.Resampling.BILINEAR))
    with pytest.raises(ValueError):
        sets["train"].crops_nhwc[0, 0, 0, 0] = 1
    with pytest.raises(ValueError):
        sets["train"].labels[0] = 1


def test_cache_is_opened_again_and_rebuilt_when_stale(tmp_path: Path) -> None:
    root, folder = make_dataset(tmp_path / "set"), tmp_path / "cache"
    open_cache(read_dataset(root), CONTRACT, folder)
    first = stamps(folder)
    open_cache(read_dataset(root), CONTRACT, folder)
    open_cache(read_dataset(root), Contract(size=32, threshold=0.7, temperature=2.0), folder)
    assert stamps(folder) == first  # neither threshold nor temperature changes a crop
    for contract in (Contract(size=48), Contract(size=32, box_scale=1.5)):
        open_cache(read_dataset(root), contract, folder)
        assert stamps(folder)["cache.json"] != first["cache.json"]
        first = stamps(folder)


def test_picture_replaced_by_one_of_equal_length_is_noticed(tmp_path: Path) -> None:
    root, folder = make_dataset(tmp_path / "set"), tmp_path / "cache"
    before = open_cache(read_dataset(root), CONTRACT, folder)["train"].crops_nhwc[0].copy()
    file = root / "Train" / "Fake" / "train1_0.jpg"
    other = jpeg(77)
    size = max(len(other), file.stat().st_size)
    file.write_bytes(other.ljust(size, b"\0"))
    os.utime(file, ns=(1, 1))
    after = open_cache(read_dataset(root), CONTRACT, folder)["train"].crops_nhwc[0]
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("harm", ["cut", "gone", "json", "counts", "version"])
def test_damaged_cache_is_made_again(tmp_path: Path, harm: str) -> None:
    index, folder = read_dataset(make_dataset(tmp_path / "set")), tmp_path / "cache"
    good = open_cache(index, CONTRACT, folder)["test"].crops_nhwc.copy()
    path = folder / "cache.json"
    value = json.loads(path.read_text())
    if harm == "cut":
        os.truncate(folder / "test.u8", 100)
    elif harm == "gone":
        folder.joinpath("test.u8").unlink()
    elif harm == "json":
        path.write_bytes(b"\xff{")
    elif harm == "counts":
        path.write_text(json.dumps(value | {"counts": {"train": 4, "validation": 4, "test": 3}}))
    else:
        path.write_text(json.dumps(value | {"format_version": 9}))
    assert np.array_equal(open_cache(index, CONTRACT, folder)["test"].crops_nhwc, good)


def test_damaged_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    root, folder = make_dataset(tmp_path / "set", per_class=4), tmp_path / "cache"
    root.joinpath("Train", "Fake", "train1_1.jpg").write_bytes(jpeg()[:150])
    root.joinpath("Test", "Real", "test0_3.jpg").write_bytes(b"")
    calls: list[tuple[int, int]] = []
    sets = open_cache(
        read_dataset(root), CONTRACT, folder, progress=lambda done, all_: calls.append((done, all_))
    )
    assert calls[-1] == (24, 24)
    assert [len(s) for s in sets.values()] == [7, 8, 7]
    assert "Train/Fake/train1_1.jpg" not in [s.path for s in sets["train"].samples]
    report = cache_report(folder)
    assert [file.path for file in report.damaged] == ["Train/Fake/train1_1.jpg", "Test/Real/test0_3.jpg"]
    assert dict(report.counts) == {"train": 7, "validation": 8, "test": 7}
    again = open_cache(read_dataset(root), CONTRACT, folder)
    assert again["train"].samples == sets["train"].samples


def test_split_that_lost_a_class_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    root, folder = make_dataset(tmp_path / "set"), tmp_path / "cache"
    for file in root.joinpath("Validation", "Fake").iterdir():
        file.write_bytes(b"no picture")
    with pytest.raises(DataError, match="2 of 4 pictures of the validation split are damaged"):
        open_cache(read_dataset(root), CONTRACT, folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"]


def test_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    index = read_dataset(make_dataset(tmp_path / "set"))
    mine = tmp_path / "mine"
    mine.mkdir()
    mine.joinpath("thesis.txt").write_text("years of work")
    with pytest.raises(FileError, match="holds other files"):
        open_cache(index, CONTRACT, mine)
    assert mine.joinpath("thesis.txt").read_text() == "years of work"
    with pytest.raises(DataError, match="holds no crop cache"):
        cache_report(mine)


def test_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = read_dataset(make_dataset(tmp_path / "set"))
    usage = cache_module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(FileError, match="needs 0 MB, the disk has 0 MB free"):
        open_cache(index, CONTRACT, tmp_path / "cache")
    assert not tmp_path.joinpath("cache").exists()


def test_crops_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = read_dataset(make_dataset(tmp_path / "set", per_class=20))
    many = open_cache(index, CONTRACT, tmp_path / "many")
    monkeypatch.setattr(cache_module, "reader_threads", lambda: 1)
    one = open_cache(index, CONTRACT, tmp_path / "one")
    for name in many:
        assert np.array_equal(many[name].crops_nhwc, one[name].crops_nhwc)
