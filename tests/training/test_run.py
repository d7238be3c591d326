"""Whole runs on a tiny data set: every architecture, controls, resuming, refusals."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedf.errors import DataError, FileError, TrainingError
from edgedf.system import folder_lock
from edgedf.ticket import read_ticket, write_ticket
from edgedf.training import saver
from edgedf.training.machine import prepare_machine
from edgedf.training.recipe import Recipe
from edgedf.training.recipes import recipe_by_name
from edgedf.training.run import RunOptions, train_run
from edgedf.training.run_folder import sweep
from tests.training_samples import write_faces


def _run(
    faces: Path, out: Path, recipe: Recipe, seeds: tuple[int, ...] = (0,), **arguments: Any
) -> dict[str, Any]:
    machine = prepare_machine("cpu", 1)
    return train_run(
        RunOptions(data=faces, out=out, recipe=recipe, machine=machine, seeds=seeds), **arguments
    )


def _bytes(run: Path) -> dict[str, bytes]:
    """Everything a run leaves, except the crop cache, which is no result."""
    files = [p for p in run.rglob("*") if p.is_file() and "cache" not in p.parts]
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Path:
    """One uninterrupted run of the tiny recipe."""
    recipe = Recipe(
        name="tiny",
        size=64,
        batch=8,
        epochs=2,
        rounds=2,
        rate=0.5,
        rewind=1,
        shift=2,
        control_sparsities=(0.75,),
    )
    out = tmp_path_factory.mktemp("run") / "run"
    _run(faces, out, recipe)
    return out


def test_run_leaves_a_ticket_per_point_and_a_table(finished):
    document = json.loads((finished / "run.json").read_text())
    assert document["status"] == "complete"
    kinds = [(p["kind"], p["round"]) for p in document["points"]]
    assert kinds == [("imp", 0), ("imp", 1), ("imp", 2), ("oneshot", 2), ("random", 2)]
    for point in document["points"]:
        ticket = read_ticket(finished / point["ticket"])
        assert ticket.sparsity == point["sparsity"]
        assert set(point["metrics"]) == {"training", "validation", "test"}
    assert [round(p["sparsity"], 3) for p in document["points"]] == [0, 0.5, 0.75, 0.75, 0.75]
    assert not (finished / "checkpoint.safetensors").exists()


def test_run_tickets_are_nested_rewound_and_linked(finished):
    rounds = [read_ticket(finished / f"tickets/round-{n:02d}.safetensors") for n in range(3)]
    for before, after in itertools.pairwise(rounds):
        for name in before.mask:
            assert not np.any(after.mask[name] > before.mask[name])
    assert all(np.array_equal(rounds[0].init[n], rounds[2].init[n]) for n in rounds[0].init)
    assert rounds[0].lineage.parent is None
    assert rounds[2].lineage.parent != rounds[1].lineage.parent


def test_run_controls_spend_what_they_say(finished):
    points = json.loads((finished / "run.json").read_text())["points"]
    spent = {(p["kind"], p["round"]): p["metrics"]["training"]["spent_epochs"] for p in points}
    # Dense 2 epochs, each round 1: the second round has spent 4, and so has its one-shot control.
    assert spent[("imp", 2)] == spent[("oneshot", 2)] == 4
    random, imp = (
        read_ticket(finished / p) for p in ("controls/random-02.safetensors", "tickets/round-02.safetensors")
    )
    assert {n: int(m.sum()) for n, m in random.mask.items()} == {n: int(m.sum()) for n, m in imp.mask.items()}
    assert any(not np.array_equal(random.mask[n], imp.mask[n]) for n in imp.mask)


def test_run_chooses_on_validation_and_keeps_the_test_crops(finished):
    document = json.loads((finished / "run.json").read_text())
    chosen = finished / document["chosen"]["ticket"]
    assert (finished / "ticket.safetensors").read_bytes() == chosen.read_bytes()
    crops, labels = (
        np.load(finished / "evaluation" / f"{n}.npy", allow_pickle=False) for n in ("crops", "labels")
    )
    assert crops.shape == (24, 64, 64, 3)
    assert crops.dtype == labels.dtype == np.uint8
    # The file's weights give the test accuracy that the file states.
    ticket = read_ticket(chosen)
    from edgedf.training.evaluate import predict

    right = (predict(ticket.module(), crops) >= 0) == (labels == 1)
    assert right.mean() == pytest.approx(ticket.lineage.metrics["test"]["accuracy"])


def test_run_again_changes_nothing(finished, faces):
    before = _bytes(finished)
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    _run(faces, finished, recipe)
    assert _bytes(finished) == before


def test_run_stopped_at_every_few_steps_gives_the_same_bytes(finished, faces, tmp_path, monkeypatch):
    """Stop after every 4th step, resume, until done: all files equal those of the run that never stopped."""
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    monkeypatch.setattr(saver, "CHECKPOINT_SECONDS", 0.0)
    stops = 0
    while True:
        calls = 0

        def stop(*_: object) -> None:
            nonlocal calls
            calls += 1
            if calls == 4:
                # After the hook the step's checkpoint is not yet written: this step is lost and done again.
                raise KeyboardInterrupt

        try:
            _run(faces, tmp_path / "run", recipe, on_point=stop)
            break
        except KeyboardInterrupt:
            stops += 1
            assert stops < 60
    assert stops > 5
    assert _bytes(tmp_path / "run") == _bytes(finished)


def test_run_with_other_settings_or_data_is_refused_by_name(finished, faces, tmp_path):
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    with pytest.raises(TrainingError, match=r"recipe\.lr.*started with 0\.005, not 0\.001"):
        _run(faces, finished, dataclasses.replace(recipe, lr=1e-3))
    with pytest.raises(TrainingError, match="seeds"):
        _run(faces, finished, recipe, seeds=(1,))
    other = write_faces(tmp_path / "other", seed=5)
    with pytest.raises(TrainingError, match=r"dataset\.fingerprint"):
        _run(other, finished, recipe)


def test_run_with_two_seeds_keeps_them_apart(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rounds=1, controls=())
    document = _run(faces, tmp_path / "run", recipe, seeds=(4, 2))
    assert [(p["seed"], p["round"]) for p in document["points"]] == [(4, 0), (4, 1), (2, 0), (2, 1)]
    assert document["chosen"]["seed"] == 4
    assert (tmp_path / "run/seeds/2/tickets/round-01.safetensors").exists()
    shas = [p["sha256"] for p in document["points"]]
    assert len(set(shas)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["mesonet", "cnn5", "resnet18"])
def test_short_recipe_trains_every_architecture(arch, faces, tmp_path):
    recipe = dataclasses.replace(recipe_by_name("short", arch), epochs=2, batch=16, size=32)
    document = _run(faces, tmp_path / "run", recipe)
    assert [round(p["sparsity"], 2) for p in document["points"]] == [0, 0.6, 0.9]
    for point in document["points"]:
        ticket = read_ticket(tmp_path / "run" / point["ticket"])
        assert all(np.any(mask) for mask in ticket.mask.values())


def test_fine_tuning_starts_from_the_trained_weights(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rewind=None, rounds=1, fine_tune=0.001, epochs=1, controls=("random",))
    recipe = dataclasses.replace(recipe, control_sparsities=(0.5,))
    _run(faces, tmp_path / "run", recipe)
    dense, pruned = (read_ticket(tmp_path / f"run/tickets/round-0{n}.safetensors") for n in (0, 1))
    name = "features.1.0.weight"
    kept = pruned.mask[name] == 1
    # At a thousandth of the rate kept weights have hardly moved from where the dense training left them.
    assert np.abs(pruned.weights[name] - dense.weights[name])[kept].max() < 1e-3
    assert np.abs(dense.weights[name] - dense.init[name]).max() > 1e-3


def test_early_stopping_ends_a_training_that_no_longer_improves(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, epochs=40, patience=1, rounds=0, rewind=3, controls=(), lr=0.02)
    point = _run(faces, tmp_path / "run", recipe)["points"][0]["metrics"]["training"]
    assert 4 <= point["epochs"] < 40
    assert point["best_epoch"] <= point["epochs"]


@pytest.mark.parametrize("augment", ["none", "box-jitter"])
def test_other_augmentations_train(augment, faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, augment=augment, rounds=0, rewind=0, epochs=1, controls=())
    assert _run(faces, tmp_path / "run", recipe)["status"] == "complete"
    assert (tmp_path / "run/cache-wide").exists() == (augment == "box-jitter")


def test_layerwise_scope_prunes_each_layer_alike(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, scope="layerwise", rounds=1, rewind=0, epochs=1, controls=())
    point = _run(faces, tmp_path / "run", recipe)["points"][1]
    assert all(share == pytest.approx(0.5, abs=0.01) for share in point["layers"].values())


def test_train_images_uses_a_balanced_part(faces, tiny, tmp_path):
    from edgedf.data.index import read_dataset
    from edgedf.training.batches import open_training_data

    recipe = dataclasses.replace(tiny, train_images=20)
    data = open_training_data(read_dataset(faces), recipe, tmp_path)
    assert len(data.rows) == 20
    assert data.train.labels[data.rows].sum() == 10


def test_run_folder_held_by_another_process_is_refused(faces, tmp_path, tiny):
    (tmp_path / "run").mkdir()
    with folder_lock(tmp_path / "run") as held:
        assert held
        with pytest.raises(TrainingError, match="another process"):
            _run(faces, tmp_path / "run", tiny)


@pytest.mark.parametrize("place", [".", "Train", ".."])
def test_a_run_never_goes_into_the_data_set(faces, tiny, place):
    before = sorted(path.as_posix() for path in faces.rglob("*"))
    with pytest.raises(TrainingError, match="data set"):
        _run(faces, faces / place, tiny)
    assert sorted(path.as_posix() for path in faces.rglob("*")) == before


def test_a_folder_with_other_files_is_refused_and_left_alone(faces, tmp_path, tiny):
    (tmp_path / "run").mkdir()
    for name in (".notes.123.tmp", "thesis.txt"):
        (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(TrainingError, match="holds no run"):
        _run(faces, tmp_path / "run", tiny)
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_only_a_killed_process_s_own_leftovers_are_swept(tmp_path):
    mine = [tmp_path / ".notes.123.tmp", tmp_path / "sub/.run.json.1.tmp"]
    left = [tmp_path / ".run.json.77.tmp", tmp_path / "tickets/.round-01.safetensors.77.tmp"]
    left += [tmp_path / ".cache-wide.a1b2.tmp", tmp_path / ".cache.a1b2.new"]
    for path in (*mine, *left):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    sweep(tmp_path)
    assert all(path.exists() for path in mine)
    assert not any(path.exists() for path in left)


def test_a_run_killed_before_its_first_table_is_taken_up(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, augment="box-jitter", rounds=0, rewind=0, epochs=1, controls=())
    _run(faces, tmp_path / "run", recipe)
    for path in (tmp_path / "run").iterdir():
        if not path.name.startswith("cache"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tmp_path / "run/.cache-wide.a1b2.tmp").mkdir()
    assert _run(faces, tmp_path / "run", recipe)["status"] == "complete"
    assert not (tmp_path / "run/.cache-wide.a1b2.tmp").exists()


def test_run_into_a_file_is_refused(faces, tmp_path, tiny):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(FileError, match="not a folder"):
        _run(faces, tmp_path / "run", tiny)
    assert (tmp_path / "run").read_text() == "mine"


def test_damaged_checkpoint_names_itself_and_the_remedy(faces, tmp_path, tiny):
    out = tmp_path / "run"
    out.mkdir()
    (out / "checkpoint.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 nonsense nonsense")
    with pytest.raises(TrainingError, match="delete this file"):
        _run(faces, out, tiny)


def test_damaged_ticket_of_the_run_is_named(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rounds=1, controls=(), epochs=2)
    _run(faces, tmp_path / "run", recipe)
    path = tmp_path / "run/tickets/round-00.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(Exception, match="round-00"):
        _run(faces, tmp_path / "run", recipe)


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
        _run(faces, run, recipe)
    assert said in str(caught.value)
    assert caught.value.file == str(file)
    assert "remove it" in str(caught.value.hint)
    file.unlink()
    _run(faces, run, recipe)
    assert _bytes(run) == _bytes(finished)


@pytest.mark.parametrize("place", ["inner", "tickets/round-09.safetensors"])
def test_a_run_never_starts_inside_another_run(place, finished, faces, tiny):
    before = _bytes(finished)
    with pytest.raises(TrainingError, match="lies inside another run"):
        _run(faces, finished / place, tiny)
    assert _bytes(finished) == before


def test_diverging_training_says_so(faces, tmp_path, tiny):
    recipe = dataclasses.replace(
        tiny,
        optimizer="sgd",
        lr=10.0,
        weight_decay=1.0,
        momentum=0.999,
        epochs=20,
        warmup=0,
        rounds=0,
        rewind=0,
    )
    with pytest.raises(TrainingError, match="lower the learning rate"):
        _run(faces, tmp_path / "run", recipe)


def test_folder_without_the_layout_is_refused(tmp_path, tiny):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError):
        _run(tmp_path / "holiday", tmp_path / "run", tiny)
    assert not (tmp_path / "run").exists()
