"""Options of `edgedf train` that make up the recipe: a name, and what the user changes in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from edgedf.errors import EdgedfError, UsageError

if TYPE_CHECKING:
    from edgedf.training.recipe import Recipe

# Options that override one recipe field each: (option, field of the recipe, type, help).
_OVERRIDES: tuple[tuple[str, str, Any, str], ...] = (
    ("--size", "size", int, "Side of the crops in pixels, a multiple of 32 up to 512."),
    ("--epochs", "epochs", int, "Length of the dense training in passes over the data."),
    ("--batch", "batch", int, "Images per step."),
    ("--lr", "lr", float, "Peak learning rate."),
    ("--patience", "patience", int, "Epochs without a better validation loss before stopping; 0: never."),
    ("--train-images", "train_images", int, "Most training images to use; 0: all."),
    ("--rounds", "rounds", int, "Pruning rounds after the dense training."),
    ("--rate", "rate", float, "Share of the weights left that one round prunes."),
    ("--floor", "floor", float, "Share of every layer that always stays."),
    (
        "--scope",
        "scope",
        click.Choice(["global", "layerwise"]),
        "Compare magnitudes over all layers or in each.",
    ),
    ("--augment", "augment", click.Choice(["none", "shift", "box-jitter"]), "How training crops are varied."),
)
# Options with a syntax of their own: (option, field of the recipe, metavar, help).
_TEXTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "--sparsities",
        "sparsities",
        "S,S,...",
        "Sparsity after each round, rising, instead of --rounds and --rate.",
    ),
    ("--rewind", "rewind", "0|K|none", "Epoch that rounds start from again; none: fine-tune."),
    (
        "--rewind-mode",
        "rewind_mode",
        "weights|learning-rate",
        "What goes back to that epoch: weights and learning rate, or the learning rate alone.",
    ),
    (
        "--controls",
        "controls",
        "KIND,...|none",
        "Trained beside IMP: oneshot (equal total budget), oneshot-round, random, reinit, "
        "dense-long (no mask, equal total budget).",
    ),
    ("--controls-at", "control_sparsities", "S,S,...", "Sparsities at which the controls are trained."),
)
_OPTION_OF = {"recipe": "--recipe", "arch": "--arch", "arch_args.size": "--size"} | {
    field: option for option, field, *_ in (*_OVERRIDES, *_TEXTS)
}
_HINTS = {
    "recipe": "`edgedf train --help` says what each one is for",
    "sparsities": "name each round's sparsity in rising order, such as 0.5,0.8,0.9",
}


def recipe_options(command: Any) -> Any:
    """Add every option that `recipe_of` takes to a click command."""
    for option, field, metavar, text in reversed(_TEXTS):
        command = click.option(option, field, metavar=metavar, help=text)(command)
    for option, field, kind, text in reversed(_OVERRIDES):
        command = click.option(option, field, type=kind, help=f"{text} Default: the recipe's.")(command)
    return command


def recipe_of(name: str, arch: str | None, options: dict[str, Any]) -> Recipe:
    """The named recipe with what the user changed.

    Args:
        options: recipe field -> value of its option, None where it was not given.

    Raises UsageError or ModelError that name the option which was typed.
    """
    from dataclasses import replace

    from edgedf.training.reach import check_reachable
    from edgedf.training.recipes import recipe_by_name

    changes = _changes({field: value for field, value in options.items() if value is not None})
    try:
        recipe = recipe_by_name(name, arch)
        changed = replace(recipe, **changes) if changes else recipe
        check_reachable(changed)
    except EdgedfError as error:
        field = error.field or ""
        if field not in _OPTION_OF:
            raise
        hint = error.hint or _HINTS.get(field)
        if field == "rewind" and field not in changes:
            hint = f"the recipe's --rewind is {recipe.rewind}: use --rewind 0, or more --epochs"
        raise type(error)(error.problem, field=_OPTION_OF[field], hint=hint) from error
    _check_controls(changed, changes)
    return changed


def missed_controls(recipe: Recipe) -> str:
    """One line on the controls of a recipe that no round is sparse enough for; "" if there are none."""
    from edgedf.training.plan import control_rounds, missed_sparsities

    missed = missed_sparsities(recipe) if recipe.controls else ()
    if not missed:
        return ""
    where = f" at {_percents(missed)}" if control_rounds(recipe) else ""
    return f"no controls{where}: no round reaches {_percents(missed)}"


def _check_controls(recipe: Recipe, typed: Mapping[str, Any]) -> None:
    """Raise UsageError if controls, or sparsities for them, were typed and none would be trained there."""
    from edgedf.training.plan import missed_sparsities

    places, kinds = "control_sparsities" in typed, bool(typed.get("controls"))
    if places and not recipe.controls:
        problem = "has nothing to train there: " + (
            "--controls is none" if "controls" in typed else f"recipe {recipe.name} has no controls"
        )
        raise UsageError(problem, field="--controls-at", hint="add --controls, such as oneshot,random")
    if kinds and not recipe.control_sparsities:
        problem = f"recipe {recipe.name} names no sparsity to train them at"
        raise UsageError(problem, field="--controls", hint="add --controls-at, such as 0.9")
    missed = missed_sparsities(recipe)
    if missed and (places or (kinds and len(missed) == len(recipe.control_sparsities))):
        targets = recipe.targets
        sparsest = f"round {len(targets)} with {_percents(targets[-1:])}" if targets else "the dense network"
        raise UsageError(
            f"no round reaches {_percents(missed)}, the sparsest is {sparsest}",
            field="--controls-at" if places else "--controls",
            hint="name sparsities that are reached (--controls-at), or prune more (--rounds, --sparsities)",
        )


def _percents(shares: Sequence[float]) -> str:
    return ", ".join(f"{100 * share:.6g}%" for share in shares)


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Recipe fields with the values that the options' texts stand for."""
    changes = dict(given)
    for field in ("sparsities", "control_sparsities"):
        if field in given:
            changes[field] = _numbers(field, given[field])
    if "sparsities" in given:
        if "rate" in given or given.get("rounds", len(changes["sparsities"])) != len(changes["sparsities"]):
            raise UsageError(
                "says the same as --rounds and --rate", field="--sparsities", hint="use one or the other"
            )
        changes["rounds"] = len(changes["sparsities"])
    elif "rounds" in given or "rate" in given:
        changes["sparsities"] = ()
    if "controls" in given:
        changes["controls"] = () if given["controls"] == "none" else tuple(given["controls"].split(","))
    if "rewind" in given:
        changes["rewind"] = _rewind(given["rewind"])
    return changes


def _numbers(field: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        hint = "such as 0.5,0.8"
        raise UsageError(
            f"is {text[:40]!r}, no list of numbers", field=_OPTION_OF[field], hint=hint
        ) from None


def _rewind(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(f"is {text[:40]!r}, neither an epoch nor none", field="--rewind")
    return int(text)
