"""Whole runs on a tiny data set: every architecture, controls, resuming, other settings."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from edgedf.errors import DataError, TrainingError
from edgedf.models import build_model
from edgedf.ticket import read_ticket
from edgedf.training import saver
from edgedf.training.paired import paired_differences
from edgedf.training.recipe import Recipe
from edgedf.training.recipes import recipe_by_name
from edgedf.training.run_file import read_run
from edgedf.training.state import read_state
from tests.training_runs import run_bytes, run_on_one_thread, stopped_until_done
from tests.training_samples import write_faces


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


def test_dense_long_is_the_dense_network_with_all_of_imps_epochs(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, controls=("dense-long",))
    document = run_on_one_thread(faces, tmp_path / "run", recipe)
    assert read_run(tmp_path / "run") == document
    imp, long = document["points"][-2:]
    assert (long["kind"], long["round"], long["sparsity"]) == ("dense-long", 2, 0)
    training = long["metrics"]["training"]
    assert training["epochs"] == training["spent_epochs"] == imp["metrics"]["training"]["spent_epochs"] == 4
    ticket = read_ticket(tmp_path / "run/controls/dense-long-02.safetensors")
    assert all(mask.all() for mask in ticket.mask.values())
    assert ticket.lineage.parent is None
    # It starts where the dense network starts.
    first = read_state(build_model("mesonet", recipe.arch_args, seed=0))
    assert all(np.array_equal(ticket.init[name], first[name]) for name in ticket.init)
    against = {d.against: d for d in paired_differences(document["points"]) if d.round == 2}
    assert against["dense-long"].sparsity == imp["sparsity"]
    assert document["chosen"]["ticket"].startswith("tickets/")


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
    before = run_bytes(finished)
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    run_on_one_thread(faces, finished, recipe)
    assert run_bytes(finished) == before


def test_run_stopped_at_every_few_steps_gives_the_same_bytes(finished, faces, tmp_path, monkeypatch):
    """Stop after every 4th step, resume, until done: all files equal those of the run that never stopped."""
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    monkeypatch.setattr(saver, "CHECKPOINT_SECONDS", 0.0)
    stops = stopped_until_done(
        lambda stop: run_on_one_thread(faces, tmp_path / "run", recipe, on_point=stop), every=4
    )
    assert stops > 5
    assert run_bytes(tmp_path / "run") == run_bytes(finished)


def test_run_with_other_settings_or_data_is_refused_by_name(finished, faces, tmp_path):
    recipe = Recipe.from_json(json.loads((finished / "run.json").read_text())["recipe"])
    with pytest.raises(TrainingError, match=r"recipe\.lr.*started with 0\.005, not 0\.001"):
        run_on_one_thread(faces, finished, dataclasses.replace(recipe, lr=1e-3))
    with pytest.raises(TrainingError, match="seeds"):
        run_on_one_thread(faces, finished, recipe, seeds=(1,))
    other = write_faces(tmp_path / "other", seed=5)
    with pytest.raises(TrainingError, match=r"dataset\.fingerprint"):
        run_on_one_thread(other, finished, recipe)


def test_run_with_two_seeds_keeps_them_apart(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rounds=1, controls=())
    document = run_on_one_thread(faces, tmp_path / "run", recipe, seeds=(4, 2))
    assert [(p["seed"], p["round"]) for p in document["points"]] == [(4, 0), (4, 1), (2, 0), (2, 1)]
    assert document["chosen"]["seed"] == 4
    assert (tmp_path / "run/seeds/2/tickets/round-01.safetensors").exists()
    shas = [p["sha256"] for p in document["points"]]
    assert len(set(shas)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["mesonet", "cnn5", "resnet18"])
def test_short_recipe_trains_every_architecture(arch, faces, tmp_path):
    recipe = dataclasses.replace(recipe_by_name("short", arch), epochs=2, batch=16, size=32)
    document = run_on_one_thread(faces, tmp_path / "run", recipe)
    assert [round(p["sparsity"], 2) for p in document["points"]] == [0, 0.6, 0.9]
    for point in document["points"]:
        ticket = read_ticket(tmp_path / "run" / point["ticket"])
        assert all(np.any(mask) for mask in ticket.mask.values())


def test_fine_tuning_starts_from_the_trained_weights(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, rewind=None, rounds=1, fine_tune=0.001, epochs=1, controls=("random",))
    recipe = dataclasses.replace(recipe, control_sparsities=(0.5,))
    run_on_one_thread(faces, tmp_path / "run", recipe)
    dense, pruned = (read_ticket(tmp_path / f"run/tickets/round-0{n}.safetensors") for n in (0, 1))
    name = "features.1.0.weight"
    kept = pruned.mask[name] == 1
    # At a thousandth of the rate kept weights have hardly moved from where the dense training left them.
    assert np.abs(pruned.weights[name] - dense.weights[name])[kept].max() < 1e-3
    assert np.abs(dense.weights[name] - dense.init[name]).max() > 1e-3


def test_early_stopping_ends_a_training_that_no_longer_improves(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, epochs=40, patience=1, rounds=0, rewind=3, controls=(), lr=0.02)
    point = run_on_one_thread(faces, tmp_path / "run", recipe)["points"][0]["metrics"]["training"]
    assert 4 <= point["epochs"] < 40
    assert point["best_epoch"] <= point["epochs"]


@pytest.mark.parametrize("augment", ["none", "box-jitter"])
def test_other_augmentations_train(augment, faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, augment=augment, rounds=0, rewind=0, epochs=1, controls=())
    assert run_on_one_thread(faces, tmp_path / "run", recipe)["status"] == "complete"
    assert (tmp_path / "run/cache-wide").exists() == (augment == "box-jitter")


def test_layerwise_scope_prunes_each_layer_alike(faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, scope="layerwise", rounds=1, rewind=0, epochs=1, controls=())
    point = run_on_one_thread(faces, tmp_path / "run", recipe)["points"][1]
    assert all(share == pytest.approx(0.5, abs=0.01) for share in point["layers"].values())


def test_train_images_uses_a_balanced_part(faces, tiny, tmp_path):
    from edgedf.data.index import read_dataset
    from edgedf.training.batches import open_training_data

    recipe = dataclasses.replace(tiny, train_images=20)
    data = open_training_data(read_dataset(faces), recipe, tmp_path)
    assert len(data.rows) == 20
    assert data.train.labels[data.rows].sum() == 10


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
        run_on_one_thread(faces, tmp_path / "run", recipe)


def test_folder_without_the_layout_is_refused(tmp_path, tiny):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError):
        run_on_one_thread(tmp_path / "holiday", tmp_path / "run", tiny)
    assert not (tmp_path / "run").exists()
