"""`edgedf train` as a user meets it: in a process of its own, killed, interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training_samples import write_faces

ARGUMENTS = [
    *("--recipe", "short", "--arch", "mesonet", "--batch", "8", "--epochs", "4", "--sparsities", "0.5,0.8"),
    *("--threads", "1", "--controls", "none", "--device", "cpu"),
]


def _command(faces: Path, out: Path, *more: str) -> list[str]:
    code = "from edgedf.cli.main import main; main()"
    return [
        sys.executable,
        "-W",
        "error::UserWarning",
        "-c",
        code,
        "train",
        str(faces),
        "--out",
        str(out),
        *more,
    ]


def _finish(faces: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(faces, out, *more), capture_output=True, text=True, check=False, timeout=300
    )


def _results(run: Path) -> dict[str, bytes]:
    files = [*run.glob("tickets/*"), run / "ticket.safetensors", run / "run.json"]
    return {p.name: p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def whole(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = _finish(faces, out, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "80.0%" in done.stdout
    assert "chosen on validation" in done.stderr
    assert "Warning" not in done.stderr
    return out


def _disturbed(faces: Path, out: Path, number: int, *, after_ticket: bool) -> int:
    """Start a run, send a signal in the middle of it; returns its exit code."""
    process = subprocess.Popen(
        _command(faces, out, *ARGUMENTS), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    first = out / "tickets" / "round-00.safetensors"
    deadline = time.monotonic() + 400
    while process.poll() is None and time.monotonic() < deadline:
        if first.exists() if after_ticket else (out / "rewind.safetensors").exists():
            process.send_signal(number)
            break
        time.sleep(0.005)
    _, said = process.communicate(timeout=900)
    if number == signal.SIGINT and process.returncode == 130:
        assert "the same command goes on" in said
        assert said.count("stopping; Ctrl-C again stops at once") == 1
    assert "Traceback" not in said
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moments"),
    [(signal.SIGKILL, (False, True)), (signal.SIGINT, (False,)), (signal.SIGTERM, (True,))],
    ids=["kill", "ctrl-c", "term"],
)
def test_train_killed_then_started_again_gives_the_same_bytes(number, moments, whole, faces, tmp_path):
    out = tmp_path / "run"
    codes = [_disturbed(faces, out, number, after_ticket=moment) for moment in moments]
    assert any(code != 0 for code in codes)
    done = _finish(faces, out, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert _results(out) == _results(whole)
    assert not list(out.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_train_interrupted_while_it_reads_pictures_stops_there(number: int, tmp_path: Path) -> None:
    faces, out = (
        write_faces(tmp_path / "faces", counts={"Train": 1, "Validation": 1, "Test": 1}),
        tmp_path / "run",
    )
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8).repeat(14, 0).repeat(14, 1)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    for number_of_file in range(600):
        (faces / "Train" / "Real" / f"{number_of_file}.png").hardlink_to(tmp_path / "large.png")
    command = _command(faces, out, *ARGUMENTS)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(out.glob(".cache.*.tmp")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "nothing is kept while pictures are read: the same command starts again" in said
    assert not list(out.iterdir()), "the pictures were read to the end, or something half done was left"


def test_train_says_when_the_network_is_no_better_than_chance(tmp_path):
    faces = write_faces(tmp_path / "faces", counts={"Train": 4, "Validation": 4, "Test": 4})
    for fake in faces.glob("*/Fake/*"):
        fake.write_bytes((fake.parent.parent / "Real" / fake.name.replace("Fake", "Real")).read_bytes())
    options = ["--recipe", "short", "--arch", "mesonet", "--batch", "8", "--epochs", "1", "--rewind", "0"]
    done = _finish(faces, tmp_path / "run", *options, "--sparsities", "0.5", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "note: the dense network itself hardly tells fake from real (AUC 0.500 on" in done.stderr


def test_train_says_which_pictures_it_left_out(tmp_path):
    faces = write_faces(tmp_path / "own faces", counts={"Train": 4, "Validation": 4, "Test": 4})
    for path in sorted(faces.glob("Train/Real/*"))[:2]:
        path.write_bytes(b"no picture")
    options = ["--recipe", "short", "--arch", "mesonet", "--batch", "2", "--epochs", "1", "--rewind", "0"]
    options += ["--sparsities", "0.5", "--threads", "1"]
    for _ in range(2):  # a run that is taken up says it again
        done = _finish(faces, tmp_path / "run", *options)
        assert done.returncode == 0, done.stderr
        wanted = "warning: 2 pictures are damaged and left out, the first Train/Real/TrainReal000.png ("
        assert wanted in done.stderr
        assert f"hint: `edgedf data show '{faces}'` lists them" in done.stderr


def test_train_taken_up_with_another_recipe_names_the_recipe(whole, faces):
    done = _finish(faces, whole, "--recipe", "standard", "--threads", "1", "--device", "cpu")
    assert done.returncode == 2
    assert "recipe.name: the run there was started with short, not standard" in done.stderr


def test_train_json_is_the_file_and_the_differences(whole, faces):
    done = _finish(faces, whole, *ARGUMENTS, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    differences = document.pop("differences")
    assert document == json.loads((whole / "run.json").read_text())
    assert {(d["against"], d["round"], d["seeds"], d["low"]) for d in differences} == {
        ("dense", 1, 1, None),
        ("dense", 2, 1, None),
    }


@pytest.mark.slow
def test_two_seeds_are_compared_in_pairs_in_the_terminal_and_on_the_page(faces, tmp_path):
    from edgedf.analysis.report.training import curve_section
    from edgedf.training.run_file import read_run

    arguments = ["--recipe", "short", "--arch", "mesonet", "--batch", "8", "--epochs", "2", "--threads", "1"]
    arguments += ["--controls", "oneshot,random", "--controls-at", "0.9", "--seed", "3", "--seed", "5"]
    done = _finish(faces, tmp_path / "run", *arguments)
    assert done.returncode == 0, done.stderr
    assert "paired over seeds" in done.stdout
    page = str(curve_section(read_run(tmp_path / "run")))
    assert "IMP minus" in page
    assert page.count("one-shot, equal budget") > 1


def test_the_page_counts_seeds_and_not_rows(whole):
    from edgedf.analysis.report.training import curve_section
    from edgedf.training.run_file import read_run

    run = read_run(whole)
    page = curve_section(run | {"points": run["points"] * 2}).text
    assert page.count('<td class="number">1</td>') == 3
