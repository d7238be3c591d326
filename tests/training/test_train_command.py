"""`edgedf train` as a user meets it: in a process of its own, killed, interrupted, mistaken."""

from __future__ import annotations

import errno
import json
import os
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
        assert said.count("stopping after this step; Ctrl-C again stops at once") == 1
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
    faces = write_faces(tmp_path / "faces", counts={"Train": 4, "Validation": 4, "Test": 4})
    for path in sorted(faces.glob("Train/Real/*"))[:2]:
        path.write_bytes(b"no picture")
    options = ["--recipe", "short", "--arch", "mesonet", "--batch", "2", "--epochs", "1", "--rewind", "0"]
    options += ["--sparsities", "0.5", "--threads", "1"]
    for _ in range(2):  # a run that is taken up says it again
        done = _finish(faces, tmp_path / "run", *options)
        assert done.returncode == 0, done.stderr
        wanted = "warning: 2 pictures are damaged and left out, the first Train/Real/TrainReal000.png ("
        assert wanted in done.stderr
        assert "`edgedf data show " in done.stderr


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


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--rate", "1.5"], "error: --rate: is 1.5, expected a number from 0.01 to 0.95"),
        (["--rewind", "soon"], "error: --rewind: is 'soon', neither an epoch nor none"),
        (["--rewind", "99"], "error: --rewind: is 99"),
        (
            ["--rewind-mode", "both"],
            "error: --rewind-mode: is 'both', expected one of weights, learning-rate",
        ),
        (
            ["--rewind", "none", "--rewind-mode", "learning-rate"],
            "error: --rewind-mode: is 'learning-rate', but nothing is rewound\nhint: name the epoch",
        ),
        (["--sparsities", "0.5,x"], "error: --sparsities: is '0.5,x', no list of numbers"),
        (["--sparsities", "0.9,0.5"], "does not rise\nhint: name each round's sparsity in rising order"),
        (
            ["--sparsities", "0.5", "--rate", "0.5"],
            "error: --sparsities: says the same as --rounds and --rate",
        ),
        (["--controls-at", "2"], "error: --controls-at: is 2"),
        (["--arch", "vgg"], "error: --arch: unknown architecture 'vgg'\nhint: "),
        (["--recipe", "demo", "--arch", "cnn5"], "is for mesonet"),
        (
            ["--recipe", "fast"],
            "error: --recipe: unknown recipe 'fast', known: standard, demo, long, short, study\nhint: ",
        ),
        (["--controls", "luck"], "error: --controls: is 'luck'"),
        (["--size", "100"], "error: --size: is 100, expected a multiple of 32 in 32..512"),
        (["--size", "0"], "error: --size: is 0, expected a multiple of 32 in 32..512"),
        (["--size", "544"], "error: --size: is 544, expected a multiple of 32 in 32..512"),
        (
            ["--epochs", "1"],
            "error: --rewind: is 1, expected an integer in 0..0\n"
            "hint: the recipe's --rewind is 1: use --rewind 0, or more --epochs",
        ),
        (["--controls", "oneshot,random,oneshot"], "error: --controls: names oneshot more than once"),
        (
            ["--controls", "oneshot", "--controls-at", "0.99"],
            "error: --controls-at: no round reaches 99%, the sparsest is round 8 with 83.2228%\nhint: ",
        ),
        (
            ["--controls-at", "0.5,0.9"],
            "error: --controls-at: no round reaches 90%, the sparsest is round 8 with 83.2228%\nhint: ",
        ),
        (
            ["--rounds", "3", "--controls", "oneshot"],
            "error: --controls: no round reaches 80%, the sparsest is round 3 with 48.8%\nhint: ",
        ),
        (
            ["--rounds", "0", "--controls-at", "0.5"],
            "error: --controls-at: no round reaches 50%, the sparsest is the dense network\nhint: ",
        ),
        (
            ["--controls", "none", "--controls-at", "0.5"],
            "error: --controls-at: has nothing to train there: --controls is none\nhint: ",
        ),
        (
            ["--recipe", "short", "--controls-at", "0.9"],
            "error: --controls-at: has nothing to train there: recipe short has no controls\nhint: ",
        ),
        (
            ["--recipe", "short", "--controls", "oneshot"],
            "error: --controls: recipe short names no sparsity to train them at\nhint: ",
        ),
        (["--lr", "nan"], "error: --lr: is nan"),
    ],
)
def test_train_with_a_bad_option_exits_2_with_one_clear_line(arguments, word, faces, tmp_path, capsys):
    from edgedf.cli.main import main

    with pytest.raises(SystemExit) as caught:
        main(["train", str(faces), "--out", str(tmp_path / "run"), *arguments])
    assert caught.value.code == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rounds", "3"], "no controls: no round reaches 80%\n"),
        (["--recipe", "demo", "--sparsities", "0.8,0.9"], "no controls: no round reaches 97%\n"),
        (
            ["--recipe", "long", "--rounds", "13"],
            "no controls at 95%, 97%, 98.5%: no round reaches 95%, 97%, 98.5%\n",
        ),
        (["--recipe", "short"], ""),
        (["--controls", "none", "--rounds", "3"], ""),
        (["--controls-at", "0.5"], ""),
    ],
)
def test_train_says_which_controls_of_the_recipe_no_round_reaches(arguments, said, tmp_path, capsys):
    from edgedf.cli.main import main

    (tmp_path / "faces").mkdir()  # no data set: nothing is trained
    with pytest.raises(SystemExit):
        main(["train", str(tmp_path / "faces"), "--out", str(tmp_path / "run"), *arguments])
    before, _, _ = capsys.readouterr().err.partition("error: ")
    assert before == said


def test_train_on_cuda_where_there_is_none_exits_3(faces, tmp_path, capsys):
    import torch

    from edgedf.cli.main import main

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(SystemExit) as caught:
        main(["train", str(faces), "--out", str(tmp_path / "run"), "--device", "cuda"])
    assert caught.value.code == 3
    assert "--device cpu" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["missing", "empty", "file", "one class"])
def test_train_on_a_wrong_folder_exits_2_and_leaves_nothing(wrong, tmp_path, capsys):
    from edgedf.cli.main import main

    data = tmp_path / "data"
    if wrong == "empty":
        data.mkdir()
    elif wrong == "file":
        data.write_text("x")
    elif wrong == "one class":
        write_faces(data, counts={"Train": 2, "Validation": 2, "Test": 2})
        for path in (data / "Validation/Fake").iterdir():
            path.unlink()
    with pytest.raises(SystemExit) as caught:
        main(["train", str(data), "--out", str(tmp_path / "run")])
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_train_on_a_full_disk_says_so_and_keeps_what_was_there(tmp_path):
    """The checkpoint's temporary file lands on a full device: a FileError, not a traceback, nothing half."""
    from edgedf.errors import FileError
    from edgedf.training.state import save_tensors

    target = tmp_path / "rewind.safetensors"
    target.write_bytes(b"before")
    (tmp_path / f".{target.name}.{os.getpid()}.tmp").symlink_to("/dev/full")
    import numpy as np

    with pytest.raises(FileError, match="No space left"):
        save_tensors(target, {"a": np.zeros(100_000, np.float32)}, {})
    assert target.read_bytes() == b"before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_evaluation_crops_on_a_full_disk_say_why():
    """np.save alone says "4000 requested and 0 written", and no error number."""
    from edgedf.training.evaluation import _save

    with pytest.raises(OSError, match="No space left") as caught:
        _save(Path("/dev/full"), np.zeros((4000,), np.uint8))
    assert caught.value.errno == errno.ENOSPC


def test_evaluation_files_are_those_of_numpy(tmp_path):
    from edgedf.training.evaluation import _save

    for shape in ((3, 4, 4, 3), (5,), (0, 2)):
        array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        _save(tmp_path / "ours.npy", array)
        np.save(tmp_path / "theirs.npy", array)
        assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


def test_train_into_a_folder_that_cannot_be_written_exits_2(faces, tmp_path, capsys):
    from edgedf.cli.main import main

    (tmp_path / "file").write_text("x")
    with pytest.raises(SystemExit) as caught:
        main(["train", str(faces), "--out", str(tmp_path / "file" / "run")])
    assert caught.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_page_counts_seeds_and_not_rows(whole):
    from edgedf.analysis.report.training import curve_section
    from edgedf.training.run_file import read_run

    run = read_run(whole)
    page = curve_section(run | {"points": run["points"] * 2}).text
    assert page.count('<td class="number">1</td>') == 3
