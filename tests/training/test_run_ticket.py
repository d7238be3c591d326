"""A run's files are held to its run.json: another ticket or other crops in their place are refused."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedf.analysis.describe import describe
from edgedf.assembly.evaluation import find_evaluation
from edgedf.assembly.source import read_source
from edgedf.errors import DataError, FileError, TrainingError, UsageError
from edgedf.files import sha256_file
from edgedf.ticket import write_ticket
from edgedf.training.run_ticket import chosen_ticket, ticket_file
from tests.ticket_samples import sample_ticket
from tests.training.test_run_rules import RUN

SIZE = 64


def _record(run: Path, **changes: Any) -> None:
    """Write run.json for the files that are there."""
    document = copy.deepcopy(RUN)
    digest = sha256_file(run / "ticket.safetensors")
    document["points"][0]["sha256"] = document["chosen"]["sha256"] = digest
    document["evaluation"]["sha256"] = {
        name: sha256_file(run / "evaluation" / name) for name in ("crops.npy", "labels.npy")
    }
    (run / "run.json").write_text(json.dumps(document | changes))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with one ticket and two evaluation crops."""
    folder = tmp_path / "run"
    for name in ("tickets", "evaluation"):
        (folder / name).mkdir(parents=True)
    for name in ("ticket.safetensors", "tickets/round-00.safetensors"):
        write_ticket(folder / name, sample_ticket(size=SIZE))
    np.save(folder / "evaluation" / "crops.npy", np.zeros((2, SIZE, SIZE, 3), np.uint8))
    np.save(folder / "evaluation" / "labels.npy", np.array([0, 1], np.uint8))
    _record(folder)
    return folder


def test_a_run_gives_its_chosen_ticket_and_its_crops(run: Path) -> None:
    for path in (run, run / "ticket.safetensors", run / "tickets" / "round-00.safetensors"):
        source = read_source(path)
        assert source.run == run
        found = find_evaluation(source, None, 10)
        assert found is not None
        assert found.source == "the run's test split"
        assert found.labels.tolist() == [0, 1]
    assert describe(run).facts["sha256"] == chosen_ticket(run).sha256


@pytest.mark.parametrize("name", ["ticket.safetensors", "tickets/round-00.safetensors"])
def test_another_ticket_in_its_place_is_refused(run: Path, name: str) -> None:
    write_ticket(run / name, sample_ticket(size=SIZE, seed=1))
    with pytest.raises(TrainingError, match="its sha256 differs") as caught:
        ticket_file(run / name)
    assert caught.value.file == str(run / name)
    if name == "ticket.safetensors":
        for read in (read_source, describe):
            with pytest.raises(TrainingError, match="its sha256 differs"):
                read(run)


def _ways(run: Path, linked: Path) -> list[tuple[Path, str, str]]:
    """(working folder, the ticket's name there, the run's name there): as the user types and as it prints."""
    (linked / "t").symlink_to(run / "tickets")
    (linked / "r").symlink_to(run)
    name = "round-00.safetensors"
    return [
        (run / "tickets", name, ".."),
        (run / "tickets", f"../tickets/{name}", ".."),
        (run / "evaluation", f"../tickets/{name}", ".."),
        (run, f"tickets/{name}", "."),
        (run, f"tickets/../tickets/{name}", "tickets/.."),
        (run, f"tickets/sub/../{name}", "."),
        (run.parent, f"run/tickets/{name}", "run"),
        (run.parent, f"run/tickets/sub/../{name}", "run"),
        (linked, f"r/tickets/{name}", "r"),
        (linked, f"t/{name}", "../run"),
        (linked / "t", name, ".."),
        (linked, f"{run}/tickets/{name}", str(run)),
    ]


@pytest.mark.parametrize("way", range(12))
def test_a_ticket_is_held_to_its_run_however_it_is_named(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: int
) -> None:
    """Another ticket in its place is refused, and the right one is judged on the run's own crops."""
    (tmp_path / "linked").mkdir()
    (run / "tickets" / "sub").mkdir()
    folder, name, shown = _ways(run, tmp_path / "linked")[way]
    monkeypatch.chdir(folder)
    source = read_source(Path(name))
    assert (str(source.path), str(source.run)) == (name, shown)
    assert source.default_out() == Path(shown) / "bundle.edgedf"
    found = find_evaluation(source, None, 10)
    assert found is not None
    assert found.source == "the run's test split"
    write_ticket(run / "tickets" / "round-00.safetensors", sample_ticket(size=SIZE, seed=1))
    with pytest.raises(TrainingError, match="its sha256 differs") as caught:
        ticket_file(Path(name))
    assert caught.value.file == name


def test_a_run_whose_tickets_lie_on_another_disk_holds_them_too(run: Path, tmp_path: Path) -> None:
    (run / "tickets").rename(tmp_path / "disk")
    (run / "tickets").symlink_to(tmp_path / "disk")
    assert ticket_file(run / "tickets" / "round-00.safetensors").run == run


def test_a_bundle_of_another_ticket_has_its_name_wherever_one_stands(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = run / "seeds" / "3" / "tickets" / "round-01.safetensors"
    other.parent.mkdir(parents=True)
    write_ticket(other, sample_ticket(size=SIZE, seed=3))
    first = RUN["points"][0] | {"sha256": sha256_file(run / "ticket.safetensors")}
    point = first | {
        "round": 1,
        "seed": 3,
        "ticket": "seeds/3/tickets/round-01.safetensors",
        "sha256": sha256_file(other),
    }
    _record(run, seeds=[0, 3], points=[first, point])
    monkeypatch.chdir(other.parent)
    out = read_source(Path("round-01.safetensors")).default_out()
    assert out == Path("../../../round-01-seed-3.edgedf")


def test_a_damaged_run_json_is_no_run(run: Path) -> None:
    (run / "run.json").write_text("{}")
    for read in (read_source, describe):
        with pytest.raises(TrainingError, match="format_version"):
            read(run)
    (run / "run.json").unlink()
    with pytest.raises(UsageError, match=r"holds no run\.json"):
        read_source(run)


def test_a_run_that_chose_nothing_says_how_to_go_on(run: Path) -> None:
    _record(run, status="running", chosen=None, evaluation=None)
    with pytest.raises(UsageError, match="has not chosen a ticket yet") as caught:
        read_source(run)
    assert "again to finish it" in (caught.value.hint or "")
    source = read_source(run / "tickets" / "round-00.safetensors")
    assert (source.run, source.evaluation) == (run, None)
    assert find_evaluation(source, None, 10) is None


def test_a_stray_ticket_in_a_run_is_none_of_the_runs(run: Path) -> None:
    write_ticket(run / "tickets" / "mine.safetensors", sample_ticket(size=SIZE, seed=1))
    assert ticket_file(run / "tickets" / "mine.safetensors").run is None


def test_a_missing_ticket_is_named(run: Path) -> None:
    (run / "ticket.safetensors").unlink()
    with pytest.raises(FileError, match="no such file"):
        read_source(run)


def test_changed_crops_are_refused(run: Path) -> None:
    path = run / "evaluation" / "crops.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="its sha256 differs") as caught:
        find_evaluation(read_source(run), None, 10)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("crops", "labels", "reason"),
    [
        (np.zeros((2, SIZE, 8, 3), np.uint8), [0, 1], "no crops"),
        (np.zeros((2, SIZE, SIZE, 3), np.float32), [0, 1], "expected uint8"),
        (np.zeros((0, SIZE, SIZE, 3), np.uint8), [], "no crops"),
        (np.zeros((2, SIZE, SIZE, 3), np.uint8), [0], "one 0 or 1 for each"),
        (np.zeros((2, SIZE, SIZE, 3), np.uint8), [0, 2], "one 0 or 1 for each"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0, 1], "crops of 32 pixels"),
    ],
)
def test_crops_of_another_form_are_refused(run: Path, crops: Any, labels: list[int], reason: str) -> None:
    np.save(run / "evaluation" / "crops.npy", crops)
    np.save(run / "evaluation" / "labels.npy", np.array(labels, np.uint8))
    _record(run)
    with pytest.raises(DataError, match=reason):
        find_evaluation(read_source(run), None, 10)


def test_evaluation_is_never_unpickled(run: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(run / "trapped"),)

    np.save(run / "evaluation" / "crops.npy", np.array([Trap()], object), allow_pickle=True)
    _record(run)
    with pytest.raises(DataError, match=r"not a plain \.npy array"):
        find_evaluation(read_source(run), None, 10)
    assert not (run / "trapped").exists()
