"""Properties of pruning: exact counts, ties, floors, nesting, no aliases; checked against a plain sort."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgedf.errors import TrainingError
from edgedf.training.pruning import (
    apply_masks,
    can_keep,
    count_kept,
    dense_masks,
    prune,
    random_masks,
    top_mask,
)

# Few distinct values, so that ties are everywhere.
VALUES = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
LAYERS = st.lists(
    hnp.arrays(np.float32, st.integers(4, 60).map(lambda n: (n,)), elements=VALUES), min_size=1, max_size=4
)


def _named(layers: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"layer{number}": layer for number, layer in enumerate(layers)}


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


@given(LAYERS, st.floats(0, 0.8), st.floats(0, 0.2))
@settings(max_examples=300, deadline=None)
def test_global_prune_keeps_the_exact_count_even_with_ties(layers, sparsity, floor):
    weights = _named(layers)
    total = sum(layer.size for layer in layers)
    keep = _rounded((1 - sparsity) * total)
    try:
        pruned = prune(weights, dense_masks(weights), sparsity=sparsity, scope="global", floor=floor)
    except TrainingError:
        least = sum(max(1, math.ceil(min(floor, (1 - sparsity) / 2) * layer.size)) for layer in layers)
        assert least > keep
        return
    assert count_kept(pruned.masks) == keep


@given(LAYERS, st.floats(0, 0.8), st.floats(0, 0.2))
@settings(max_examples=200, deadline=None)
def test_global_prune_respects_the_floor_and_reports_it(layers, sparsity, floor):
    weights = _named(layers)
    try:
        pruned = prune(weights, dense_masks(weights), sparsity=sparsity, scope="global", floor=floor)
    except TrainingError:
        return
    for name, layer in weights.items():
        least = max(1, math.ceil(min(floor, (1 - sparsity) / 2) * layer.size))
        assert int(pruned.masks[name].sum()) >= least
    # Without a floor that bites, one threshold separates kept from pruned over all layers.
    if not pruned.held:
        kept = [abs(w) for n, layer in weights.items() for w in layer[pruned.masks[n] == 1]]
        gone = [abs(w) for n, layer in weights.items() for w in layer[pruned.masks[n] == 0]]
        assert not kept or not gone or min(kept) >= max(gone)


@given(LAYERS, st.floats(0, 0.9))
@settings(max_examples=200, deadline=None)
def test_layerwise_prune_keeps_each_layers_share_and_its_largest(layers, sparsity):
    weights = _named(layers)
    pruned = prune(weights, dense_masks(weights), sparsity=sparsity, scope="layerwise", floor=0.0)
    for name, layer in weights.items():
        mask = pruned.masks[name]
        assert int(mask.sum()) == max(1, _rounded((1 - sparsity) * layer.size))
        kept, gone = np.abs(layer[mask == 1]), np.abs(layer[mask == 0])
        assert not gone.size or kept.min() >= gone.max()


@given(LAYERS, st.sampled_from(["global", "layerwise"]))
@settings(max_examples=150, deadline=None)
def test_prune_repeated_gives_nested_masks_that_alias_nothing(layers, scope):
    weights = _named(layers)
    masks = dense_masks(weights)
    for sparsity in (0.2, 0.4, 0.6):
        before = {n: m.copy() for n, m in masks.items()}
        pruned = prune(weights, masks, sparsity=sparsity, scope=scope, floor=0.02)
        for name in weights:
            assert np.array_equal(masks[name], before[name])
            assert not np.any(pruned.masks[name] > masks[name])
            assert not any(np.shares_memory(pruned.masks[name], m) for m in masks.values())
        for a in weights:
            assert not any(np.shares_memory(pruned.masks[a], pruned.masks[b]) for b in weights if a != b)
        masks = pruned.masks


@given(LAYERS, st.floats(0, 0.7), st.integers(0, 1 << 40))
@settings(max_examples=150, deadline=None)
def test_random_masks_preserve_every_layers_count(layers, sparsity, seed):
    weights = _named(layers)
    masks = prune(weights, dense_masks(weights), sparsity=sparsity, scope="layerwise", floor=0.0).masks
    drawn = random_masks(masks, seed=seed)
    assert {n: int(m.sum()) for n, m in drawn.items()} == {n: int(m.sum()) for n, m in masks.items()}
    assert all(np.array_equal(drawn[n], m) for n, m in random_masks(masks, seed=seed).items())


def test_random_masks_other_seed_other_places():
    masks = {"a": (np.arange(1000) < 300).astype(np.uint8)}
    assert not np.array_equal(random_masks(masks, seed=0)["a"], random_masks(masks, seed=1)["a"])


@given(hnp.arrays(np.float32, st.integers(1, 40).map(lambda n: (n,)), elements=VALUES), st.integers(0, 45))
@settings(max_examples=200, deadline=None)
def test_top_mask_equals_a_stable_sort(values, keep):
    order = np.argsort(-values, kind="stable")[:keep]
    expected = np.zeros(values.size, np.uint8)
    expected[order] = 1
    assert np.array_equal(top_mask(values, keep), expected)


def test_prune_a_live_zero_beats_a_dead_weight():
    weights = {"a": np.array([0.0, 5.0, 1.0, 0.0], np.float32)}
    masks = {"a": np.array([1, 0, 1, 1], np.uint8)}
    pruned = prune(weights, masks, sparsity=0.5, scope="global", floor=0.0)
    assert pruned.masks["a"].tolist() == [1, 0, 1, 0]


def test_global_prune_guards_a_layer_of_small_weights_and_names_it():
    weights = {
        "big": np.full(100, 1.0, np.float32) + np.arange(100, dtype=np.float32),
        "small": np.full(100, 1e-3, np.float32),
    }
    pruned = prune(weights, dense_masks(weights), sparsity=0.5, scope="global", floor=0.05)
    assert pruned.held == ("small",)
    assert int(pruned.masks["small"].sum()) == 5
    assert count_kept(pruned.masks) == 100


def test_prune_to_almost_nothing_is_refused_before_a_layer_empties():
    weights = {f"l{n}": np.ones(10, np.float32) for n in range(5)}
    with pytest.raises(TrainingError, match="cannot keep 4 of 50"):
        prune(weights, dense_masks(weights), sparsity=0.92, scope="global", floor=0.0)


def test_prune_cannot_regrow():
    weights = {"a": np.ones(10, np.float32)}
    masks = {"a": (np.arange(10) < 3).astype(np.uint8)}
    with pytest.raises(TrainingError):
        prune(weights, masks, sparsity=0.5, scope="global", floor=0.0)


def test_apply_masks_zeroes_without_negative_zero_and_copies():
    weights = {"a": np.array([-1.0, 2.0], np.float32), "bias": np.array([3.0], np.float32)}
    result = apply_masks(weights, {"a": np.array([0, 1], np.uint8)})
    assert result["a"].tolist() == [0.0, 2.0]
    assert not np.signbit(result["a"][0])
    assert not np.shares_memory(result["bias"], weights["bias"])


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    targets=st.lists(st.floats(0.0, 0.9999), min_size=1, max_size=4).map(sorted),
    floor=st.floats(0.0, 0.5),
)
def test_what_is_said_to_be_reachable_is_reached(
    sizes: list[int], targets: list[float], floor: float
) -> None:
    """can_keep, asked of sizes alone, is right about every round, whatever the magnitudes."""
    generator = np.random.default_rng(len(sizes))
    weights = {str(n): generator.standard_normal(size).astype(np.float32) for n, size in enumerate(sizes)}
    masks = dense_masks(weights)
    for sparsity in targets:
        if not can_keep(sizes, sparsity=sparsity, floor=floor):
            with pytest.raises(TrainingError, match="layers alive"):
                prune(weights, masks, sparsity=sparsity, scope="global", floor=floor)
            return
        masks = prune(weights, masks, sparsity=sparsity, scope="global", floor=floor).masks
        assert all(mask.any() for mask in masks.values())
