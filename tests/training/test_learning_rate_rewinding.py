"""Learning-rate rewinding: trained weights stay under the new mask, the schedule goes back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgedf.errors import TrainingError
from edgedf.ticket import Ticket, read_ticket
from edgedf.training import lottery, saver
from edgedf.training.optimizer import MaskedOptimizer
from edgedf.training.recipe import Recipe
from tests.training_runs import run_bytes, run_on_one_thread, stopped_until_done

RECIPE = Recipe(
    name="tiny",
    size=64,
    batch=8,
    epochs=3,
    rounds=2,
    rate=0.5,
    floor=0.0,
    rewind=1,
    rewind_mode="learning-rate",
    shift=2,
    controls=("oneshot", "oneshot-round", "random", "reinit"),
    control_sparsities=(0.75,),
)
# Which ticket's trained weights each point starts from.
ORIGIN = {
    ("imp", 1): "tickets/round-00",
    ("imp", 2): "tickets/round-01",
    ("oneshot", 2): "tickets/round-00",
    ("oneshot-round", 2): "tickets/round-00",
    ("random", 2): "tickets/round-00",
}
Key = tuple[str, int]


@dataclass(frozen=True)
class Seen:
    """A finished run, and what its trainings were given: start weights and masks, the rate of every step."""

    run: Path
    starts: Mapping[Key, Mapping[str, np.ndarray]]
    masks: Mapping[Key, Mapping[str, np.ndarray]]
    rates: Mapping[Key, list[float]]

    def ticket(self, name: str) -> Ticket:
        return read_ticket(self.run / f"{name}.safetensors")


@pytest.fixture(scope="module")
def seen(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One run whose trainings are watched, not changed."""
    found = Seen(tmp_path_factory.mktemp("run") / "run", {}, {}, {})
    real_train, real_step = lottery.train, MaskedOptimizer.step
    under_way: list[Key] = []

    def train(setting, model, start, masks, span, *, key, **more):
        point = (key["kind"], key["round"])
        under_way.append(point)
        found.starts[point] = {name: value.copy() for name, value in start.items()}
        found.masks[point] = {name: value.copy() for name, value in masks.items()}
        found.rates[point] = []
        return real_train(setting, model, start, masks, span, key=key, **more)

    def step(self, rate):
        found.rates[under_way[-1]].append(rate)
        real_step(self, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lottery, "train", train)
        patch.setattr(MaskedOptimizer, "step", step)
        run_on_one_thread(faces, found.run, RECIPE)
    return found


@pytest.mark.parametrize("point", ORIGIN, ids=str)
def test_training_starts_from_the_trained_weights_under_its_mask(seen: Seen, point: Key) -> None:
    origin, masks = seen.ticket(ORIGIN[point]), seen.masks[point]
    assert set(seen.starts[point]) == set(origin.weights)
    for name, start in seen.starts[point].items():
        wanted = origin.weights[name]
        if name in masks:
            assert not masks[name].all()
            wanted = np.where(masks[name] == 1, wanted, np.float32(0))
        # Batch norm's running mean and variance are trained too, and stay.
        assert np.array_equal(start, wanted), name


def test_no_start_is_the_rewind_point_and_dense_and_reinit_start_new(seen: Seen) -> None:
    point = seen.ticket("tickets/round-00").init
    free = next(name for name in point if name not in seen.masks["imp", 1])
    for key in ORIGIN:
        assert not np.array_equal(seen.starts[key][free], point[free])
    weight = next(iter(seen.masks["imp", 1]))
    for key in (("imp", 0), ("reinit", 2)):
        assert not np.any(seen.starts[key][weight] == seen.ticket("tickets/round-00").weights[weight])


def test_rounds_repeat_the_rates_of_the_dense_training_from_the_rewind_epoch(seen: Seen) -> None:
    dense = seen.rates["imp", 0]
    per_epoch = len(dense) // RECIPE.epochs
    assert len(dense) == RECIPE.epochs * per_epoch
    for key in (("imp", 1), ("imp", 2), ("oneshot-round", 2), ("random", 2)):
        assert seen.rates[key] == dense[per_epoch:]
    assert seen.rates["reinit", 2] == dense


def test_oneshot_spends_the_epochs_of_all_rounds_in_one_longer_schedule(seen: Seen) -> None:
    rates = seen.rates["oneshot", 2]
    assert len(rates) == len(seen.rates["imp", 1]) + len(seen.rates["imp", 2])
    assert rates == sorted(rates, reverse=True)
    assert RECIPE.lr > rates[0] > seen.rates["imp", 1][0]
    points = json.loads((seen.run / "run.json").read_text())["points"]
    spent = {(p["kind"], p["round"]): p["metrics"]["training"]["spent_epochs"] for p in points}
    assert spent["imp", 2] == spent["oneshot", 2] == 3 + 2 + 2
    assert spent["oneshot-round", 2] == 3 + 2


def test_rounds_prune_the_smallest_trained_weights_of_the_round_before(seen: Seen) -> None:
    for number in (1, 2):
        before, after = (seen.ticket(f"tickets/round-{n:02d}") for n in (number - 1, number))
        magnitude = np.concatenate([np.abs(before.weights[n]).ravel() for n in before.mask])
        alive = np.concatenate([before.mask[n].ravel() for n in before.mask]) == 1
        kept = np.concatenate([after.mask[n].ravel() for n in before.mask]) == 1
        assert not np.any(kept & ~alive)
        assert magnitude[kept].min() >= magnitude[alive & ~kept].max()


def test_dense_network_and_rewind_point_are_those_of_weight_rewinding(
    seen: Seen, faces: Path, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(RECIPE, rewind_mode="weights", rounds=1, controls=())
    run_on_one_thread(faces, tmp_path / "run", recipe)
    ours, theirs = seen.ticket("tickets/round-00"), read_ticket(tmp_path / "run/tickets/round-00.safetensors")
    for name in ours.weights:
        assert np.array_equal(ours.weights[name], theirs.weights[name])
        assert np.array_equal(ours.init[name], theirs.init[name])
    pruned, other = (
        seen.ticket("tickets/round-01"),
        read_ticket(tmp_path / "run/tickets/round-01.safetensors"),
    )
    assert all(np.array_equal(pruned.mask[n], other.mask[n]) for n in pruned.mask)
    assert any(not np.array_equal(pruned.weights[n], other.weights[n]) for n in pruned.weights)


def test_lineage_and_run_json_name_the_mode_and_weight_rewinding_leaves_it_out(seen: Seen) -> None:
    document = json.loads((seen.run / "run.json").read_text())
    assert document["recipe"]["rewind_mode"] == "learning-rate"
    assert document["recipe"]["rewind"] == 1
    for point in document["points"]:
        lineage = read_ticket(seen.run / point["ticket"]).lineage
        assert lineage.recipe["rewind_mode"] == "learning-rate"
    assert "rewind_mode" not in dataclasses.replace(RECIPE, rewind_mode="weights").to_json()


def test_taking_up_a_run_in_the_other_mode_is_refused_by_name(seen: Seen, faces: Path) -> None:
    before = run_bytes(seen.run)
    with pytest.raises(TrainingError, match=r"rewind_mode.*started with learning-rate, not weights"):
        run_on_one_thread(faces, seen.run, dataclasses.replace(RECIPE, rewind_mode="weights"))
    assert run_bytes(seen.run) == before


def test_stopped_at_every_few_steps_gives_the_same_bytes(
    seen: Seen, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop at every 11th step or epoch, go on, until done: all files equal those of the run above."""
    monkeypatch.setattr(saver, "CHECKPOINT_SECONDS", 0.0)
    stops = stopped_until_done(
        lambda stop: run_on_one_thread(faces, tmp_path / "run", RECIPE, on_point=stop), every=11
    )
    assert stops > 5
    assert run_bytes(tmp_path / "run") == run_bytes(seen.run)


def test_early_stopping_and_rewinding_to_the_start_go_together(faces: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, rewind=0, patience=1, epochs=4, rounds=1, controls=())
    point = run_on_one_thread(faces, tmp_path / "run", recipe)["points"][1]["metrics"]["training"]
    assert 1 <= point["epochs"] <= 4
    assert point["best_epoch"] <= point["epochs"]
