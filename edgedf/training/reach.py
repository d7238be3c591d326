"""Whether a recipe's sparsities can be reached at all, asked before anything is read or trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgedf.errors import UsageError
from edgedf.training.pruning import can_keep
from edgedf.training.recipe import Recipe


def check_reachable(recipe: Recipe) -> None:
    """Raise UsageError if a round of `recipe` would leave fewer weights than its layers need.

    The error's field is "sparsities" where the recipe lists them, else "rounds".
    """
    from edgedf.models import state_spec

    if recipe.scope == "layerwise":
        return  # every layer keeps its own share, one weight at the least
    spec = state_spec(recipe.arch, recipe.arch_args)
    sizes = [math.prod(spec.shapes[name]) for name in spec.prunable]
    for number, sparsity in enumerate(recipe.targets, 1):
        if not can_keep(sizes, sparsity=sparsity, floor=recipe.floor):
            raise UsageError(
                f"round {number} cannot be {100 * sparsity:.6g}% sparse: too few of {sum(sizes)} weights "
                f"stay for {len(sizes)} layers",
                field="sparsities" if recipe.sparsities else "rounds",
                hint=f"prune to {_sparsest(sizes, recipe.floor)}% at the most",
            )


def _sparsest(sizes: Sequence[int], floor: float) -> str:
    """The largest sparsity in percent, to two digits, that the layers allow."""
    total = sum(sizes)
    shares = (math.floor(1e4 * (1 - kept / total)) / 1e4 for kept in range(len(sizes), total + 1))
    return f"{100 * next(share for share in shares if can_keep(sizes, sparsity=share, floor=floor)):.2f}"
