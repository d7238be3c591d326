"""`edgedf train`: from a data set's folder to a folder of tickets."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import print_json, progress_bar, say, warn
from edgedf.cli.recipe_options import missed_controls, recipe_of, recipe_options
from edgedf.cli.training_tables import print_differences, print_points

if TYPE_CHECKING:
    from edgedf.data.cache import DamagedFile


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
    help="Where all settings come from. standard: 8 rounds of 20%; demo: 5 rounds to 99.5%; long: 21 rounds, "
    "controls at 6 sparsities; short: 2 rounds at 64 px; study: as the original study trained.",
)
@click.option("--arch", help="mesonet, cnn5 or resnet18. Default: the recipe's.")
@recipe_options
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

    Trains the dense network, prunes the smallest weights, rewinds, trains the rest again, and repeats; then
    trains the controls. Every point becomes a ticket file in RUN. The same command again takes an
    interrupted run up where it stopped. On a CPU the same seed and thread count give the same bytes.

    \b
    Examples:
      edgedf train faces --arch mesonet --rounds 8 --rate 0.2 --rewind 1 --out runs/first
      edgedf train faces --recipe demo --seed 1 --seed 2 --out runs/demo
    """
    from edgedf.training.metrics import NEAR_CHANCE
    from edgedf.training.paired import paired_differences
    from edgedf.training.run import RunOptions

    recipe = recipe_of(recipe_name, arch, overrides)
    options = RunOptions(
        data=data,
        out=out,
        recipe=recipe,
        machine=_machine(out, device, threads),
        seeds=tuple(dict.fromkeys(seeds)) or (0,),
    )
    if note := missed_controls(recipe):
        say(note)
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
    auc = document["points"][0]["metrics"]["validation"]["auc"]
    if auc < 0.5 + NEAR_CHANCE:
        say(f"note: the dense network itself hardly tells fake from real (AUC {auc:.3f} on validation)")
        say("hint: take more pictures, or more --epochs")


def _machine(out: Path, device: str, threads: int | None) -> Any:
    """The machine asked for; a run that is taken up keeps its thread count, and so its bytes."""
    from edgedf.training.machine import prepare_machine
    from edgedf.training.run_file import RUN_NAME, read_run

    if threads is None and (out / RUN_NAME).is_file():
        threads = read_run(out)["machine"]["threads"]
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
                on_stop=_say_stopping,
                on_damaged=lambda damaged: _warn_damaged(damaged, options.data),
                on_cache=lambda done, total: bar.update(done, total, "reading pictures"),
                on_point=lambda done, total, label, note: bar.update(
                    round(done, 1), round(total, 1), f"epochs, {label} {note}"
                ),
            )
    except KeyboardInterrupt:
        _say_stopped(options.out)
        raise


def _say_stopped(out: Path) -> None:
    if any((out / name).exists() for name in ("run.json", "cache", "cache-wide")):
        say(f"stopped; the same command goes on where it was ({out})")
    else:
        say(f"stopped; nothing is kept while pictures are read: the same command starts again ({out})")


def _say_stopping() -> None:
    # In a signal handler: Python's own streams may be in the middle of a write, and then refuse another.
    with contextlib.suppress(OSError):
        os.write(
            2, b"\nstopping; Ctrl-C again stops at once, and up to 15 s of training are then done again\n"
        )


def _warn_damaged(damaged: Sequence[DamagedFile], data: Path) -> None:
    """Say it before hours of training, not after them."""
    first = damaged[0]
    many = "1 picture is" if len(damaged) == 1 else f"{len(damaged)} pictures are"
    warn(f"{many} damaged and left out, the first {first.path} ({first.reason})")
    say(f"hint: `edgedf data show {shlex.quote(str(data))}` lists them")
