"""The synthetic benchmark as a folder: layout, reproducible bytes, nothing half, people kept apart."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from picture_files import decoded
from PIL import Image

from edgedf.contract import Contract
from edgedf.data.index import read_dataset
from edgedf.data.synth import evaluation_crops, golden_faces
from edgedf.data.synth.pair import render_pair
from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark
from edgedf.errors import FileError, UsageError

PLAN = BenchmarkPlan(train=80, validation=8, test=16, seed=5, side=112)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synth") / "faces"
    write_benchmark(path, PLAN)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_folder_is_a_data_set_with_everything_known(folder: Path) -> None:
    index = read_dataset(folder)
    assert {name: len(samples) for name, samples in index.splits.items()} == PLAN.counts
    for samples in index.splits.values():
        assert sum(s.label for s in samples) * 2 == len(samples)
        for sample in samples:
            assert sample.box is not None
            assert sample.people
            assert (sample.kind == "real") == (sample.label == 0) == (sample.mask is None)
            assert len(sample.people) == (2 if sample.kind == "swap" else 1)
            with Image.open(folder / sample.path) as picture:
                assert picture.size == (112, 112)
                assert picture.format == "JPEG"


def test_same_seed_same_bytes_whatever_the_processes(folder: Path, tmp_path: Path) -> None:
    write_benchmark(tmp_path / "again", PLAN, jobs=2)
    assert contents(tmp_path / "again") == contents(folder)
    assert read_dataset(tmp_path / "again").fingerprint == read_dataset(folder).fingerprint


def test_pair_depends_on_its_arguments_alone() -> None:
    first = render_pair(5, "test", 3, 112)
    for number in (0, 9):
        render_pair(6, "train", number, 144)
    again = render_pair(5, "test", 3, 112)
    for a, b in zip(first, again, strict=True):
        assert (a.jpeg, a.box, a.identity, a.kind) == (b.jpeg, b.box, b.identity, b.kind)
    assert render_pair(6, "test", 3, 112)[0].jpeg != first[0].jpeg
    assert render_pair(5, "train", 3, 112)[0].jpeg != first[0].jpeg


def test_masks_say_where_fakes_were_changed(folder: Path) -> None:
    areas = []
    for sample in read_dataset(folder).splits["train"]:
        if sample.mask is None or sample.box is None:
            continue
        mask = np.asarray(Image.open(folder / sample.mask))
        assert mask.shape == (112, 112)
        assert mask.max() > 150
        rows, columns = np.nonzero(mask > 128)
        # What was changed lies in the face.
        assert abs(rows.mean() - sample.box.y - sample.box.height / 2) < 0.5 * sample.box.height
        assert abs(columns.mean() - sample.box.x - sample.box.width / 2) < 0.3 * sample.box.width
        areas.append(float((mask > 128).mean()))
    assert 0.05 < np.mean(areas) < 0.25


def test_existing_folder_is_refused_untouched(tmp_path: Path) -> None:
    tmp_path.joinpath("keep.txt").write_text("mine")
    with pytest.raises(FileError, match="already exists"):
        write_benchmark(tmp_path, PLAN)
    assert [p.name for p in tmp_path.iterdir()] == ["keep.txt"]


@pytest.mark.parametrize(
    "bad",
    [
        {"train": 3},
        {"test": 0},
        {"validation": -2},
        {"seed": -1},
        {"seed": 1 << 32},
        {"side": 95},
        {"side": 513},
    ],
)
def test_plan_out_of_range_is_named(bad: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="expected"):
        BenchmarkPlan(**bad)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_killed_run_leaves_no_folder(tmp_path: Path, how: signal.Signals) -> None:
    target = tmp_path / "faces"
    code = (
        "import sys\nfrom edgedf.cli.main import main\n"
        "if __name__ == '__main__':\n"
        "    main(['data', 'synth', sys.argv[1], '--train', '20000', '--jobs', '2'])\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script), str(target)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".faces.*/Train/Real/*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, how)
    message = process.communicate(timeout=60)[1].decode()
    assert not target.exists()
    assert process.returncode != 0
    if how == signal.SIGINT:
        assert "Traceback" not in message
        assert sorted(p.name for p in tmp_path.iterdir()) == ["run.py"]


def test_goldens_and_evaluation_need_no_folder_and_share_nobody(folder: Path) -> None:
    faces = golden_faces(4, seed=1)
    assert [picture.shape for picture, _ in faces] == [(176, 176, 3)] * 4
    for (a, box_a), (b, box_b) in zip(faces, golden_faces(4, seed=1), strict=True):
        assert np.array_equal(a, b)
        assert box_a == box_b
    crops = evaluation_crops(Contract(size=64), count=11, seed=1)
    assert crops.crops_nhwc.shape == (11, 64, 64, 3)
    assert crops.labels.tolist() == [0, 1] * 5 + [0]
    everyone = {p for samples in read_dataset(folder).splits.values() for s in samples for p in s.people}
    assert not everyone & {p for s in crops.samples for p in s.people}


def test_real_and_fake_go_through_the_same_last_compression() -> None:
    tables: dict[int, list[int]] = {0: [], 1: []}
    for number in range(40):
        for label, picture in enumerate(render_pair(1, "train", number, 96)):
            with Image.open(io.BytesIO(picture.jpeg)) as opened:
                tables[label].append(sum(opened.quantization[0]))  # type: ignore[attr-defined]
            assert decoded(picture.jpeg).shape == (96, 96, 3)
    spread = np.std(tables[0]) / np.sqrt(40)
    assert abs(np.mean(tables[0]) - np.mean(tables[1])) < 4 * spread


def test_index_says_how_it_was_made(folder: Path) -> None:
    value = json.loads(folder.joinpath("index.json").read_text())
    assert value["recipe"] == PLAN.to_json()
