"""Masks hold exactly through every optimizer; a resumed optimizer steps to the same bytes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from edgedf.models import build_model, prunable_names
from edgedf.training.optimizer import MaskedOptimizer
from edgedf.training.recipe import Recipe
from edgedf.training.state import load_state, read_state

ARGS = {"size": 32, "dropout": 0.1}


def _recipe(optimizer: str) -> Recipe:
    return Recipe(size=32, optimizer=optimizer, lr=0.05, weight_decay=0.1, momentum=0.95)


def _masks(model: torch.nn.Module) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    weights = dict(model.named_parameters())
    return {
        n: (generator.random(tuple(weights[n].shape)) < 0.3).astype(np.uint8)
        for n in prunable_names(model, "mesonet")
    }


def _steps(model: torch.nn.Module, optimizer: MaskedOptimizer, first: int, last: int) -> None:
    for step in range(first, last):
        torch.manual_seed(step)
        x = torch.rand(4, 3, 32, 32) * 255
        torch.nn.functional.softplus(model(x)).mean().backward()
        optimizer.step(0.05)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_masked_weights_stay_zero_with_momentum_and_decay(optimizer):
    model = build_model("mesonet", ARGS, seed=1).to(memory_format=torch.channels_last)
    masks = _masks(model)
    held = MaskedOptimizer(model, masks, _recipe(optimizer))
    moved = read_state(model)
    for step in range(6):
        _steps(model, held, step, step + 1)
        state = read_state(model)
        for name, mask in masks.items():
            assert not np.any(state[name][mask == 0])
    assert any(not np.array_equal(moved[n], state[n]) for n in masks)
    for key, moment in held.read_state().items():
        name = key.partition("/")[2]
        if name in masks and moment.shape == masks[name].shape:
            assert not np.any(moment[masks[name] == 0]), key


def test_plain_adam_with_masked_weights_only_does_regrow():
    """Sabotage: without the mask inside the step, momentum moves pruned weights. The guard is needed."""
    model = build_model("mesonet", ARGS, seed=1)
    masks = _masks(model)
    plain = torch.optim.AdamW(model.parameters(), lr=0.05)
    torch.manual_seed(0)
    torch.nn.functional.softplus(model(torch.rand(4, 3, 32, 32) * 255)).mean().backward()
    plain.step()
    state = read_state(model)
    assert any(np.any(state[n][m == 0]) for n, m in masks.items())


def test_masks_given_to_the_optimizer_are_not_aliased():
    model = build_model("mesonet", ARGS, seed=1)
    masks = _masks(model)
    kept = {n: m.copy() for n, m in masks.items()}
    optimizer = MaskedOptimizer(model, masks, _recipe("adamw"))
    for mask in masks.values():
        mask[...] = 1
    _steps(model, optimizer, 0, 2)
    state = read_state(model)
    for name, mask in kept.items():
        assert not np.any(state[name][mask == 0])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_optimizer_state_round_trip_steps_to_the_same_bytes(optimizer):
    recipe = _recipe(optimizer)
    model = build_model("mesonet", ARGS, seed=1).to(memory_format=torch.channels_last)
    masks = _masks(model)
    whole = MaskedOptimizer(model, masks, recipe)
    _steps(model, whole, 0, 3)
    weights, moments = read_state(model), whole.read_state()
    _steps(model, whole, 3, 6)

    again = build_model("mesonet", ARGS, seed=9).to(memory_format=torch.channels_last)
    load_state(again, weights)
    resumed = MaskedOptimizer(again, masks, dataclasses.replace(recipe))
    resumed.load_state(moments)
    _steps(again, resumed, 3, 6)
    one, two = read_state(model), read_state(again)
    assert all(one[n].tobytes() == two[n].tobytes() for n in one)
