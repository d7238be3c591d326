"""What `edgedf train` says to mistakes: options, folders, a full disk, a missing device."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import numpy as np
import pytest

from edgedf.cli.main import main
from tests.training_samples import write_faces


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
        (
            ["--recipe", "short", "--arch", "mesonet", "--sparsities", "0.5,0.99999"],
            "error: --sparsities: round 2 cannot be 99.999% sparse: too few of 12440 weights stay for "
            "5 layers\nhint: prune to 99.9",
        ),
        (["--rounds", "60"], "error: --rounds: round "),
    ],
)
def test_train_with_a_bad_option_exits_2_with_one_clear_line(arguments, word, faces, tmp_path, capsys):
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
    (tmp_path / "faces").mkdir()  # no data set: nothing is trained
    with pytest.raises(SystemExit):
        main(["train", str(tmp_path / "faces"), "--out", str(tmp_path / "run"), *arguments])
    before, _, _ = capsys.readouterr().err.partition("error: ")
    assert before == said


def test_train_on_cuda_where_there_is_none_exits_3(faces, tmp_path, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(SystemExit) as caught:
        main(["train", str(faces), "--out", str(tmp_path / "run"), "--device", "cuda"])
    assert caught.value.code == 3
    assert "--device cpu" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["missing", "empty", "file", "one class"])
def test_train_on_a_wrong_folder_exits_2_and_leaves_nothing(wrong, tmp_path, capsys):
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


def test_train_on_a_full_disk_says_so_and_keeps_what_was_there(tmp_path):
    """A file-size limit refuses the checkpoint as a full disk would: a FileError, nothing half."""
    from edgedf.errors import FileError
    from edgedf.training.state import save_tensors

    target = tmp_path / "rewind.safetensors"
    target.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(FileError, match="cannot be written"):
            save_tensors(target, {"a": np.zeros(100_000, np.float32)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


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
    (tmp_path / "file").write_text("x")
    with pytest.raises(SystemExit) as caught:
        main(["train", str(faces), "--out", str(tmp_path / "file" / "run")])
    assert caught.value.code == 2
    assert "cannot be written" in capsys.readouterr().err
