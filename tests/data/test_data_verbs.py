"""`edgedf data`: what a user types, sees, and gets back as an exit code."""

import json
from pathlib import Path

import pytest
from picture_files import jpeg, make_dataset
from PIL import Image

from edgedf.cli.main import main


def run(*arguments: str) -> int:
    """The exit code of `edgedf data ...`."""
    try:
        main(["data", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verbs") / "faces"
    counts = ("--train", "120", "--validation", "20", "--test", "40")
    assert run("synth", str(path), *counts, "--size", "96", "--seed", "3", "--jobs", "1") == 0
    return path


def test_synth_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--train", "2", "--validation", "2", "--test", "2", "--size", "96", "--jobs", "1")
    assert run("synth", str(tmp_path / "a"), *small, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["counts"] == {"train": 2, "validation": 2, "test": 2}
    assert run("synth", str(tmp_path / "a"), *small) == 2
    assert "already exists" in capsys.readouterr().err
    assert run("synth", str(tmp_path / "my faces"), *small) == 0
    assert f"look with: edgedf data show '{tmp_path / 'my faces'}'" in capsys.readouterr().err
    assert run("synth", str(tmp_path / "b"), "--train", "3") == 2
    assert "--train: is 3, expected an even number" in capsys.readouterr().err


def test_show_counts_and_is_content(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(faces), "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["splits"]["train"] | {"people": 0} == {
        "real": 60,
        "fake": 60,
        "people": 0,
        "sides": [96, 96],
        "damaged": [],
    }
    assert value["identity_source"] == "index.json"
    assert value["shared_identities"] == {}
    assert sum(value["kinds"].values()) == 180
    assert run("show", str(faces)) == 0
    assert "PROBLEM" not in capsys.readouterr().out


def test_show_reports_damage_and_shared_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "set")
    for split in ("Train", "Validation", "Test"):
        for label in ("Fake", "Real"):
            for number, file in enumerate(sorted(root.joinpath(split, label).iterdir())):
                file.rename(file.with_name(f"{number:03d}_{number:03d}.jpg"))
    root.joinpath("Test", "Real", "000_000.jpg").write_bytes(jpeg()[:100])
    assert run("show", str(root), "--json") == 1
    value = json.loads(capsys.readouterr().out)
    assert value["shared_identities"] == {"train+validation": 2, "train+test": 2, "validation+test": 2}
    assert [file["path"] for file in value["splits"]["test"]["damaged"]] == ["Test/Real/000_000.jpg"]
    assert run("show", str(root)) == 1
    text = capsys.readouterr().out
    assert "PROBLEM: 2 people are in both train and test" in text
    assert "PROBLEM: Test/Real/000_000.jpg: damaged" in text


def test_sheet_is_a_png_of_the_asked_size(faces: Path, tmp_path: Path) -> None:
    assert run("sheet", str(faces), str(tmp_path / "s.png"), "--rows", "2", "--columns", "5") == 0
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.size == (5 * 128, 2 * 128)
    assert run("sheet", str(faces), str(tmp_path / "gone" / "s.png")) == 2


def test_probe_prints_every_cue(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run("probe", str(faces), "--json")
    value = json.loads(capsys.readouterr().out)
    assert code == (0 if value["good"] else 1)
    assert value["pictures"] == 180
    assert value["cues"]["radial power spectrum"]["gated"] is False
    run("probe", str(faces))
    text = capsys.readouterr().out
    assert "colour histogram" in text
    assert "within the limit" in text
    assert f"180 pictures; {value['clusters']} groups of people, by the first person of each picture" in text
    assert "near chance" not in text


def test_probe_counts_no_people_it_does_not_know(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = faces / "index.json"
    kept = index.read_bytes()
    try:
        index.unlink()
        run("probe", str(faces))
    finally:
        index.write_bytes(kept)
    text = capsys.readouterr().out
    assert "180 pictures; identities unknown: every picture counts alone" in text
    assert "groups of people" not in text


@pytest.mark.parametrize("verb", ["show", "probe", "sheet"])
def test_a_folder_that_is_no_data_set_is_one_line(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = (str(tmp_path / "x.png"),) if verb == "sheet" else ()
    assert run(verb, str(tmp_path), *rest) == 2
    text = capsys.readouterr().err
    assert "has no folder Train" in text
    assert "hint:" in text
    assert "Traceback" not in text
