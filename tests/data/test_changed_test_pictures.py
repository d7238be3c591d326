"""Test pictures that are damaged or not the ones of index.json: left out wherever pictures are counted."""

from pathlib import Path

import numpy as np
import pytest
from picture_files import decoded, jpeg, make_dataset

from edgedf.assembly.evaluation import readable_test_pictures
from edgedf.assembly.recheck import jitter_pictures
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.reader import open_bundle
from edgedf.data.index import read_dataset
from edgedf.data.index_file import IndexEntry, IndexFile
from edgedf.data.probe import probe_dataset
from edgedf.data.sheet import contact_sheet
from edgedf.errors import DataError
from edgedf.files import sha256_file
from tests.detector_bundle import write_sample

PER_CLASS = 10


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Twenty pictures a split, all listed in index.json with their hashes."""
    root = make_dataset(tmp_path / "faces", per_class=PER_CLASS)
    entries = {
        path.relative_to(root).as_posix(): IndexEntry(None, None, "", None, sha256_file(path))
        for path in sorted(root.rglob("*.jpg"))
    }
    root.joinpath("index.json").write_bytes(IndexFile("faces", "", {}, entries).to_bytes())
    return root


@pytest.fixture(scope="module")
def goldens(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    with open_bundle(write_sample(tmp_path_factory.mktemp("bundle") / "a.edgedf")) as bundle:
        return bundle.goldens()


def _change(faces: Path, count: int, split: str = "Test") -> list[str]:
    """Other sound pictures of the same size in the place of the first `count`; their paths."""
    changed = sorted(faces.glob(f"{split}/Fake/*.jpg"))[:count]
    for number, path in enumerate(changed):
        data = jpeg(9000 + number)
        path.write_bytes(data)
    return [path.relative_to(faces).as_posix() for path in changed]


def test_one_changed_and_one_damaged_picture_are_left_out(faces: Path) -> None:
    changed = _change(faces, 1)
    broken = sorted(faces.glob("Test/Real/*.jpg"))[0]
    broken.write_bytes(b"no picture")
    found = list(readable_test_pictures(faces, 100))
    assert len(found) == 2 * PER_CLASS - 2
    assert not {sample.path for sample, _ in found} & {*changed, broken.relative_to(faces).as_posix()}
    for sample, picture in found:
        assert np.array_equal(picture, decoded((faces / sample.path).read_bytes()))


def test_more_than_a_tenth_is_an_error(faces: Path) -> None:
    _change(faces, 3)
    with pytest.raises(DataError, match="3 of 20 test pictures are damaged"):
        list(readable_test_pictures(faces, 100))


def test_box_jitter_goes_on_without_a_damaged_picture_and_decodes_one_at_a_time(
    faces: Path, goldens: GoldenSet
) -> None:
    _change(faces, 1)
    found = jitter_pictures(goldens, faces, 100)
    assert found.labels is not None
    assert len(found.faces) == len(found.labels) == 2 * PER_CLASS - 1
    assert sum(found.labels) == PER_CLASS - 1
    assert [picture.shape for picture, _ in found.faces] == [(30, 40, 3)] * len(found.faces)
    assert len(found.faces[3:5]) == 2
    # Decoded when asked for: a picture that changes meanwhile is noticed, not remembered.
    _change(faces, PER_CLASS)
    with pytest.raises(DataError, match="sha256 differs"):
        list(found.faces)


def test_probes_and_contact_sheet_know_a_changed_picture(faces: Path) -> None:
    index = read_dataset(faces)
    before = contact_sheet(index, "test", rows=4, columns=5, seed=0)
    everything = probe_dataset(index).pictures
    fake = sorted(faces.glob("Test/Fake/*.jpg"))[0]
    fake.write_bytes(fake.read_bytes() + b"\0")  # decodes to the same pixels
    assert probe_dataset(index).pictures == everything - 1
    assert contact_sheet(index, "test", rows=4, columns=5, seed=0) != before
