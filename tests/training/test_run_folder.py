"""The folder of a run: held, foreign, inside another, with damaged or foreign files in it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgedf.errors import FileError, TrainingError
from edgedf.system import folder_lock
from edgedf.ticket import read_ticket, write_ticket
from edgedf.training.recipe import Recipe
from edgedf.training.run_folder import sweep
from tests.training_runs import run_bytes, run_on_one_thread


def test_run_folder_held_by_another_process_is_refused(faces, tmp_path, tiny):
    (tmp_path / "run").mkdir()
    with folder_lock(tmp_path / "run") as held:
        assert held
        with pytest.raises(TrainingError, match="another process"):
            run_on_one_thread(faces, tmp_path / "run", tiny)


@pytest.mark.parametrize("place", [".", "Train", ".."])
def test_a_run_never_goes_into_the_data_set(faces, tiny, place):
    before = sorted(path.as_posix() for path in faces.rglob("*"))
    with pytest.raises(TrainingError, match="data set"):
        run_on_one_thread(faces, faces / place, tiny)
    assert sorted(path.as_posix() for path in faces.rglob("*")) == before


def test_a_folder_with_other_files_is_refused_and_left_alone(faces, tmp_path, tiny):
    (tmp_path / "run").mkdir()
    for name in (".notes.123.tmp", "thesis.txt"):
        (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(TrainingError, match="holds no run"):
        run_on_one_thread(faces, tmp_path / "run", tiny)
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_only_a_killed_process_s_own_leftovers_are_swept(tmp_path):
    mine = [
        tmp_path / ".notes.edgedf-1.tmp",
        tmp_path / "sub/.run.json.edgedf-1.tmp",
        tmp_path / ".cache.x.tmp",
    ]
    left = [tmp_path / ".run.json.edgedf-77.tmp", tmp_path / "tickets/.round-01.safetensors.edgedf-a_7.tmp"]
    left += [tmp_path / ".cache-wide.edgedf-a1b2.tmp", tmp_path / ".cache.edgedf-a1b2.new"]
    for path in (*mine, *left):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    sweep(tmp_path)
    assert all(path.exists() for path in mine)
    assert not any(path.exists() for path in left)


def test_a_run_killed_before_its_first_table_is_taken_up(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, augment="box-jitter", rounds=0, rewind=0, epochs=1, controls=())
    run_on_one_thread(faces, tmp_path / "run", recipe)
    for path in (tmp_path / "run").iterdir():
        if not path.name.startswith("cache"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tmp_path / "run/.cache-wide.edgedf-a1b2.tmp").mkdir()
    assert run_on_one_thread(faces, tmp_path / "run", recipe)["status"] == "complete"
    assert not (tmp_path / "run/.cache-wide.edgedf-a1b2.tmp").exists()


def test_run_into_a_file_is_refused(faces, tmp_path, tiny):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(FileError, match="not a folder"):
        run_on_one_thread(faces, tmp_path / "run", tiny)
    assert (tmp_path / "run").read_text() == "mine"


def test_damaged_checkpoint_names_itself_and_the_remedy(faces, tmp_path, tiny):
    out = tmp_path / "run"
    out.mkdir()
    (out / "checkpoint.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 nonsense nonsense")
    with pytest.raises(TrainingError, match="delete this file"):
        run_on_one_thread(faces, out, tiny)


def test_damaged_ticket_of_the_run_is_named(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rounds=1, controls=(), epochs=2)
    run_on_one_thread(faces, tmp_path / "run", recipe)
    path = tmp_path / "run/tickets/round-00.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(Exception, match="round-00"):
        run_on_one_thread(faces, tmp_path / "run", recipe)


def _rewrite(path: Path, *, point: dict[str, Any] | None = None, **lineage: Any) -> None:
    """Write a ticket again with other fields of its lineage and point; None takes one of the point away."""
    ticket = read_ticket(path)
    recipe = dict(ticket.lineage.recipe)
    changed = {**recipe["point"], **(point or {})}
    recipe["point"] = {name: value for name, value in changed.items() if value is not None}
    recipe |= lineage.pop("recipe", {})
    new = dataclasses.replace(ticket.lineage, recipe=recipe, **lineage)
    write_ticket(path, dataclasses.replace(ticket, lineage=new))


def _without(path: Path, split: str) -> dict[str, Any]:
    metrics = read_ticket(path).lineage.metrics
    return {name: dict(values) for name, values in metrics.items() if name != split}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run, file: shutil.copy(run / "tickets/round-01.safetensors", file), "its round is '1'"),
        (lambda run, file: shutil.copy(run / "controls/random-02.safetensors", file), "its kind is 'random'"),
        (lambda _, file: _rewrite(file, seed=7), "its seed is '7'"),
        (lambda _, file: _rewrite(file, recipe={"lr": 0.1}), "its recipe is another"),
        (lambda _, file: _rewrite(file, recipe={"lr": "fast"}), "its recipe is another"),
        (lambda _, file: _rewrite(file, point={"kind": None}), "not written by `edgedf train`"),
        (lambda _, file: _rewrite(file, point={"held": 5}), "lineage.held: is not a list"),
        (
            lambda _, file: _rewrite(file, metrics=_without(file, "validation")),
            "metrics.validation: missing",
        ),
        (lambda _, file: _rewrite(file, metrics=_without(file, "training")), "metrics.training: missing"),
    ],
)
def test_a_ticket_that_does_not_belong_is_named_and_trained_again_once_removed(
    damage, said, finished, faces, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    recipe = Recipe.from_json(json.loads((run / "run.json").read_text())["recipe"])
    file = run / "tickets/round-02.safetensors"
    damage(run, file)
    with pytest.raises(TrainingError) as caught:
        run_on_one_thread(faces, run, recipe)
    assert said in str(caught.value)
    assert caught.value.file == str(file)
    assert "remove it" in str(caught.value.hint)
    file.unlink()
    run_on_one_thread(faces, run, recipe)
    assert run_bytes(run) == run_bytes(finished)


@pytest.mark.parametrize("place", ["inner", "tickets/round-09.safetensors"])
def test_a_run_never_starts_inside_another_run(place, finished, faces, tiny):
    before = run_bytes(finished)
    with pytest.raises(TrainingError, match="lies inside another run"):
        run_on_one_thread(faces, finished / place, tiny)
    assert run_bytes(finished) == before
