"""`edgedf train`: from a data set's folder to a folder of tickets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import print_json, progress_bar, say
from edgedf.cli.training_tables import print_differences, print_points

if TYPE_CHECKING:
    from edgedf.training.recipe import Recipe

# Options that override one recipe field each: (option, field of the recipe, type, help).
_OVERRIDES: tuple[tuple[str, str, Any, str], ...] = (
    ("--size", "size", int, "Side of the crops in pixels, a multiple of 32."),
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


def _with_overrides(command: Any) -> Any:
    for option, field, kind, text in reversed(_OVERRIDES):
        command = click.option(option, field, type=kind, help=f"{text} Default: the recipe's.")(command)
    return command


@click.command("train")
@click.argument("data", type=ExistingPath)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Run folder to write."
)
@click.option(
    "--recipe",
    "recipe_name",
    default="standard",
    show_default=True,
    help="standard, demo, long, short or study: where all settings come from.",
)
@click.option("--arch", help="mesonet, cnn5 or resnet18. Default: the recipe's.")
@_with_overrides
@click.option(
    "--sparsities", metavar="S,S,...", help="Sparsity after each round, instead of --rounds and --rate."
)
@click.option("--rewind", metavar="0|K|none", help="Epoch that rounds start from again; none: fine-tune.")
@click.option(
    "--controls",
    metavar="KIND,...|none",
    help="Trained beside IMP: oneshot (equal total budget), oneshot-round, random, reinit.",
)
@click.option("--controls-at", metavar="S,S,...", help="Sparsities at which the controls are trained.")
@click.option(
    "--seed", "seeds", type=click.IntRange(0), multiple=True, help="Seed; may be repeated. Default: 0."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="CPU threads. Default: one per processor.")
@json_option
def command(
    data: Path,
    out: Path,
    recipe_name: str,
    arch: str | None,
    seeds: tuple[int, ...],
    device: str,
    threads: int | None,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train sparse tickets on the faces in DATA by iterative magnitude pruning.

    Trains the dense network, prunes the smallest weights, rewinds the rest, and repeats; then trains the
    controls. Every point becomes a ticket file in RUN. The same command again takes an interrupted run up
    where it stopped. On a CPU the same seed and thread count give the same bytes.

    \b
    Examples:
      edgedf train faces --arch mesonet --rounds 8 --rate 0.2 --rewind 1 --out runs/first
      edgedf train faces --recipe demo --seed 1 --seed 2 --out runs/demo
    """
    from edgedf.training.paired import paired_differences
    from edgedf.training.run import RunOptions

    recipe = _recipe(recipe_name, arch, overrides)
    options = RunOptions(
        data=data,
        out=out,
        recipe=recipe,
        machine=_machine(out, device, threads),
        seeds=tuple(dict.fromkeys(seeds)) or (0,),
    )
    document = _train(options)
    differences = paired_differences(document["points"])
    if as_json:
        print_json(document | {"differences": [difference.to_json() for difference in differences]})
        return
    print_points(document["points"], several=len(document["seeds"]) > 1)
    print_differences(differences)
    chosen = document["chosen"]
    say(f"{out / 'ticket.safetensors'}: round {chosen['round']}, {100 * chosen['sparsity']:.1f}% sparse")
    say("chosen on validation; temperature fitted on validation, threshold 0.5")


def _recipe(name: str, arch: str | None, overrides: dict[str, Any]) -> Recipe:
    """The named recipe with what the user changed."""
    from dataclasses import replace

    from edgedf.training.recipes import recipe_by_name

    changes = {field: value for field, value in overrides.items() if value is not None}
    for option, field in (("sparsities", "sparsities"), ("controls_at", "control_sparsities")):
        if option in changes:
            changes[field] = _numbers(option, changes.pop(option))
    if "sparsities" in changes:
        changes["rounds"] = len(changes["sparsities"])
    elif "rounds" in changes or "rate" in changes:
        changes["sparsities"] = ()
    if "controls" in changes:
        changes["controls"] = () if changes["controls"] == "none" else tuple(changes["controls"].split(","))
    if "rewind" in changes:
        changes["rewind"] = _rewind(changes["rewind"])
    recipe = recipe_by_name(name, arch)
    return replace(recipe, **changes) if changes else recipe


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        flag = "--" + option.replace("_", "-")
        raise click.BadParameter(
            f"{text!r} is not a list of numbers such as 0.5,0.8", param_hint=flag
        ) from None


def _rewind(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal():
        raise click.BadParameter(f"{text!r} is neither an epoch nor none", param_hint="--rewind")
    return int(text)


def _machine(out: Path, device: str, threads: int | None) -> Any:
    """The machine asked for; a run that is taken up keeps its thread count, and so its bytes."""
    from edgedf.training.machine import prepare_machine
    from edgedf.training.run_file import RUN_NAME, read_run

    if threads is None and (out / RUN_NAME).is_file():
        recorded = read_run(out)["machine"].get("threads")
        threads = recorded if isinstance(recorded, int) else None
    return prepare_machine(device, threads)


def _train(options: Any) -> dict[str, Any]:
    """Run it under a progress bar; an interruption says how to go on."""
    from edgedf.training.run import train_run

    if (options.out / "run.json").is_file():
        say(f"{options.out}: taking up the run that is there")
    try:
        with progress_bar("training") as bar:
            return train_run(
                options,
                on_cache=lambda done, total: bar.update(done, total, "reading pictures"),
                on_point=lambda done, total, label, note: bar.update(
                    round(done, 1), round(total, 1), f"epochs, {label} {note}"
                ),
            )
    except KeyboardInterrupt:
        say(f"stopped; the same command goes on where it was ({options.out})")
        raise
