"""Recipes refuse bad values at once; plans and schedules are what they say."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedf.errors import EdgedfError, TrainingError, UsageError
from edgedf.training.plan import (
    IMP,
    Point,
    control_rounds,
    equalled_rounds,
    missed_sparsities,
    plan_points,
    planned_epochs,
    span_of,
)
from edgedf.training.recipe import Recipe
from edgedf.training.recipes import RECIPES, recipe_by_name
from edgedf.training.schedule import derived_seed, epoch_order, learning_rate

BAD = [
    {"arch": "vgg"},
    {"size": 100},
    {"size": 1024},
    {"size": True},
    {"dropout": 1.0},
    {"dropout": float("nan")},
    {"optimizer": "lion"},
    {"lr": 0.0},
    {"lr": "fast"},
    {"batch": 1},
    {"epochs": 0},
    {"warmup": 99.0},
    {"patience": -1},
    {"augment": "mixup"},
    {"rounds": 61},
    {"rate": 0.0},
    {"rate": 1.0},
    {"scope": "local"},
    {"floor": 0.6},
    {"rewind": 14},
    {"rewind": -1},
    {"rewind_mode": "both"},
    {"rewind_mode": None},
    {"rewind": None, "rewind_mode": "learning-rate"},
    {"controls": ("oneshots",)},
    {"controls": ("oneshot", "random", "oneshot")},
    {"sparsities": (0.5, 0.5)},
    {"sparsities": (0.5, 1.0)},
    {"control_sparsities": (float("inf"),)},
    {"arch": "resnet18", "dropout": 0.1},
    {"keep_accuracy": 0.1},
]


@pytest.mark.parametrize("change", BAD, ids=str)
def test_recipe_with_a_bad_value_is_refused_with_its_field(change):
    with pytest.raises(EdgedfError) as caught:
        Recipe(**change)
    assert any(field in str(caught.value) for field in [*change, "arch_args"])


def test_recipe_is_keyword_only_and_frozen():
    with pytest.raises(TypeError):
        Recipe("mine")  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().lr = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_its_json(name):
    recipe = recipe_by_name(name)
    assert recipe.name == name
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("arch", ["mesonet", "cnn5", "resnet18"])
@pytest.mark.parametrize("name", ["standard", "short", "study"])
def test_general_recipes_build_for_every_architecture(name, arch):
    assert recipe_by_name(name, arch).arch == arch


def test_fine_tuning_survives_its_json():
    recipe = Recipe(rewind=None)
    assert recipe.to_json()["rewind"] == "none"
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_learning_rate_rewinding_survives_its_json():
    recipe = Recipe(rewind_mode="learning-rate")
    assert recipe.to_json()["rewind_mode"] == "learning-rate"
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_recipe_json_from_before_rewind_modes_is_read_and_written_unchanged():
    old = dict(Recipe().to_json())
    assert "rewind_mode" not in old
    assert Recipe.from_json(old).rewind_mode == "weights"
    assert Recipe.from_json(old).to_json() == old
    assert Recipe.from_json(old | {"rewind_mode": "weights"}).to_json() == old


@pytest.mark.parametrize("damage", [{"lr": "x"}, {"controls": 3}, {"extra": 1}, {"rewind_mode": 2}])
def test_recipe_json_damaged_is_a_training_error(damage):
    with pytest.raises(TrainingError):
        Recipe.from_json(Recipe().to_json() | damage)


def test_unknown_or_unfit_recipe_is_refused():
    with pytest.raises(UsageError, match="unknown recipe"):
        recipe_by_name("quick")
    with pytest.raises(UsageError, match="is for mesonet"):
        recipe_by_name("demo", "cnn5")


def test_rate_gives_the_published_sparsities():
    assert Recipe(rounds=8, rate=0.2).targets[-1] == pytest.approx(1 - 0.8**8)


def test_demo_recipe_covers_what_the_issue_asks():
    targets = recipe_by_name("demo").targets
    assert any(0.80 <= s <= 0.95 for s in targets)
    assert any(0.95 <= s <= 0.97 for s in targets)
    assert targets[-1] > 0.985


def test_controls_run_at_the_first_round_that_reaches_their_sparsity():
    recipe = Recipe(rounds=12, rate=0.2, control_sparsities=(0.8, 0.81, 0.83, 0.999))
    assert control_rounds(recipe) == (8,)
    assert missed_sparsities(recipe) == (0.999,)
    kinds = [(p.kind, p.round) for p in plan_points(recipe)]
    assert kinds[0] == (IMP, 0)
    assert kinds[-2:] == [("oneshot", 8), ("random", 8)]


def test_a_control_near_the_end_is_not_taken_for_a_round_before_it():
    recipe = dataclasses.replace(
        recipe_by_name("demo"), sparsities=(0.97, 0.985, 0.9925, 0.995), control_sparsities=(0.985, 0.995)
    )
    assert control_rounds(recipe) == (2, 4)


def test_oneshot_gets_what_imp_spent_and_random_one_round():
    recipe = Recipe(epochs=10, rewind=2, rounds=4)
    assert span_of(Point("oneshot", 3, 0.5), recipe, 24).epochs == 24
    assert span_of(Point("random", 3, 0.5), recipe, 0).epochs == 8
    assert span_of(Point("reinit", 3, 0.5), recipe, 0).epochs == 10
    never = dataclasses.replace(recipe, rewind=None)
    fine_tune = span_of(Point(IMP, 1, 0.2), never, 0)
    assert (fine_tune.first, fine_tune.peak) == (0, pytest.approx(recipe.lr * recipe.fine_tune))


@pytest.mark.parametrize("rewind", [2, None])
def test_dense_long_runs_one_whole_schedule_over_all_that_imp_spent(rewind):
    recipe = Recipe(epochs=10, rewind=rewind, rounds=4)
    point = Point("dense-long", 3, 0.5)
    assert list(equalled_rounds(point)) == [0, 1, 2, 3]
    span = span_of(point, recipe, 34)
    assert (span.first, span.last, span.peak) == (0, 34, recipe.lr)
    with pytest.raises(TrainingError, match="nothing that dense-long could equal"):
        span_of(point, recipe, 0)


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_trains_dense_long_unasked(name):
    assert "dense-long" not in recipe_by_name(name).controls


@pytest.mark.parametrize("kind", [IMP, "oneshot", "oneshot-round", "random", "reinit", "dense-long"])
def test_learning_rate_rewinding_trains_over_the_same_part_of_the_schedule(kind):
    recipe = Recipe(epochs=10, rewind=2, rounds=4)
    other = dataclasses.replace(recipe, rewind_mode="learning-rate")
    assert span_of(Point(kind, 3, 0.5), other, 24) == span_of(Point(kind, 3, 0.5), recipe, 24)
    assert not other.rewinds_weights


def test_planned_epochs_adds_up():
    recipe = Recipe(epochs=4, rewind=1, rounds=2, rate=0.5, control_sparsities=(0.75,))
    assert planned_epochs(recipe) == 4 + 3 + 3 + 6 + 3
    assert planned_epochs(dataclasses.replace(recipe, controls=("dense-long",))) == 4 + 3 + 3 + 10


@given(st.integers(1, 500), st.integers(0, 100), st.floats(1e-6, 10))
@settings(max_examples=100, deadline=None)
def test_learning_rate_rises_to_its_peak_then_falls_to_zero(total, warmup, peak):
    warmup = min(warmup, total)
    rates = [learning_rate(s, peak=peak, warmup=warmup, total=total) for s in range(total)]
    assert all(0 < r <= peak * (1 + 1e-12) for r in rates)
    assert all(a <= b for a, b in itertools.pairwise(rates[:warmup]))
    assert all(a >= b for a, b in itertools.pairwise(rates[warmup:]))


def test_seeds_of_different_purposes_differ_and_orders_are_permutations():
    seeds = {derived_seed(s, stream, step) for s in range(5) for stream in range(5) for step in range(20)}
    assert len(seeds) == 500
    assert sorted(epoch_order(3, 1, 50).tolist()) == list(range(50))
    assert epoch_order(3, 1, 50).tolist() != epoch_order(3, 2, 50).tolist()
