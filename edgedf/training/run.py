"""A whole run: from a data set's folder to a folder of tickets. Start it again and it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.data.cache import DamagedFile, cache_report
from edgedf.data.cache import Progress as CacheProgress
from edgedf.data.index import read_dataset
from edgedf.data.sample import DatasetIndex
from edgedf.files import read_bytes, write_atomic
from edgedf.training.batches import TrainingData, open_training_data
from edgedf.training.evaluation import write_evaluation
from edgedf.training.interrupt import StopFlag, stop_flag
from edgedf.training.lottery import OnPoint, run_lottery
from edgedf.training.machine import Machine
from edgedf.training.reach import check_reachable
from edgedf.training.recipe import Recipe
from edgedf.training.run_file import COMPLETE, RUNNING, RunHead, seed_folder, write_run
from edgedf.training.run_folder import check_place, check_same_run, only_user, sweep
from edgedf.training.select import choose
from edgedf.training.trainer import Setting

TICKET_NAME = "ticket.safetensors"
OnDamaged = Callable[[Sequence[DamagedFile]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What to train, on what, where to.

    Attributes:
        data: folder of the data set.
        out: run folder; made if missing, taken up where it stopped if it holds the same run.
        recipe, machine: see their modules.
        seeds: one plan each, all different; the first one's tickets are the run's own.
    """

    data: Path
    out: Path
    recipe: Recipe
    machine: Machine
    seeds: tuple[int, ...] = (0,)


def train_run(
    options: RunOptions,
    *,
    on_cache: CacheProgress | None = None,
    on_damaged: OnDamaged | None = None,
    on_point: OnPoint | None = None,
    on_stop: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Train everything that is still missing; returns the document of run.json.

    Args:
        on_cache: progress of reading the pictures.
        on_damaged: called with the pictures that are left out because they cannot be read, if there are any.
        on_point: progress of training.
        on_stop: called at the first SIGINT or SIGTERM, in the signal handler; a second one interrupts.
    Raises KeyboardInterrupt after saving when interrupted; TrainingError if `out` holds another run or is in
    use; DataError, FileError and TicketError as their modules say.

    Example:
        options = RunOptions(
            data=Path("faces"), out=Path("runs/a"), recipe=demo(), machine=prepare_machine()
        )
        print(train_run(options)["chosen"])
    """
    check_reachable(options.recipe)
    index = read_dataset(options.data)
    check_place(options.out, options.data)
    # Takes seconds, and nothing checks the flag meanwhile: until it is there Ctrl-C interrupts at once.
    import torch  # noqa: F401

    with only_user(options.out), stop_flag(on_stop) as stop:
        head = RunHead(
            recipe=options.recipe,
            seeds=options.seeds,
            dataset=_dataset_json(index),
            machine=options.machine,
        )
        check_same_run(options.out, head)
        sweep(options.out)
        data = open_training_data(index, options.recipe, options.out, progress=_stoppable(on_cache, stop))
        if on_damaged is not None and (damaged := cache_report(options.out / "cache").damaged):
            on_damaged(damaged)
        write_run(options.out, head, status=RUNNING, chosen=None, evaluation=None)
        for number, seed in enumerate(options.seeds):
            _train_seed(options, head, data, seed, stop, _shifted(on_point, number, len(options.seeds)))
        return _finish(options, head, data)


def _stoppable(on_cache: CacheProgress | None, stop: StopFlag) -> CacheProgress:
    """Progress that ends the reading of pictures when a stop was asked for: a cache is whole or not there."""

    def progress(done: int, total: int) -> None:
        stop.check()
        if on_cache is not None:
            on_cache(done, total)

    return progress


def _train_seed(
    options: RunOptions,
    head: RunHead,
    data: TrainingData,
    seed: int,
    stop: StopFlag,
    on_point: OnPoint | None,
) -> None:
    folder = seed_folder(options.out, options.seeds, seed)
    folder.mkdir(parents=True, exist_ok=True)
    setting = Setting(options.recipe, data, options.machine, seed, folder / "checkpoint.safetensors", stop)

    def update() -> None:
        write_run(options.out, head, status=RUNNING, chosen=None, evaluation=None)

    run_lottery(setting, folder, dataset=head.dataset, on_point=on_point, on_ticket=update)


def _finish(options: RunOptions, head: RunHead, data: TrainingData) -> dict[str, Any]:
    """Choose the ticket, write the evaluation crops and the final run.json."""
    out = options.out
    points = write_run(out, head, status=RUNNING, chosen=None, evaluation=None)["points"]
    chosen = choose(points, seed=options.seeds[0], keep_accuracy=options.recipe.keep_accuracy)
    write_atomic(out / TICKET_NAME, read_bytes(out / chosen["ticket"]))
    evaluation = write_evaluation(out / "evaluation", data.test)
    summary = {name: chosen[name] for name in ("ticket", "sha256", "round", "seed", "sparsity")}
    return write_run(out, head, status=COMPLETE, chosen=summary, evaluation=evaluation)


def _dataset_json(index: DatasetIndex) -> dict[str, Any]:
    return {
        "name": index.name,
        "fingerprint": index.fingerprint,
        "description": index.description,
        "images": {name: len(samples) for name, samples in index.splits.items()},
    }


def _shifted(on_point: OnPoint | None, number: int, seeds: int) -> OnPoint | None:
    """Progress of seed `number` of `seeds` as progress of the whole run."""
    if on_point is None or seeds == 1:
        return on_point

    def shifted(done: float, total: float, label: str, note: str) -> None:
        on_point(number * total + done, seeds * total, f"seed {number + 1}/{seeds} {label}", note)

    return shifted
