"""`edgedf data`: write the synthetic benchmark, look at a data set, probe it for trivial cues."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgedf.cli import data_split
from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import print_json, print_table, progress_bar, say, show_line
from edgedf.errors import EXIT_GATE, UsageError

if TYPE_CHECKING:
    from edgedf.data.survey import Survey

_folder = click.argument("folder", type=ExistingPath, metavar="DIR")


@click.group()
def command() -> None:
    """Write the synthetic benchmark, split or look at a data set.

    A data set is a folder {Train,Validation,Test}/{Fake,Real} of .jpg or .png files.

    \b
    Example:
      edgedf data synth faces --train 4000 --seed 1
      edgedf data show faces
      edgedf data sheet faces faces.png
      edgedf data probe faces
    """


command.add_command(data_split.command)


@command.command()
@click.argument("folder", type=ExistingPath, metavar="DIR")
@click.option("--train", default=4000, show_default=True, help="Pictures in Train, half of them fake; even.")
@click.option("--validation", default=600, show_default=True, help="Pictures in Validation; even.")
@click.option("--test", default=1200, show_default=True, help="Pictures in Test; even.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same bytes, 0..4294967295.")
@click.option("--size", default=176, show_default=True, help="Side of the pictures in pixels, 96..512.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes. Default: one per processor.")
@json_option
def synth(
    folder: Path,
    train: int,
    validation: int,
    test: int,
    seed: int,
    size: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Write the synthetic benchmark to a new folder DIR.

    JPEG files in the Kaggle layout, masks of what was forged, and index.json with boxes, identities and
    kinds. The folder appears when it is complete; an existing one is refused.

    \b
    Example:
      edgedf data synth faces --train 4000 --seed 1
    """
    from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark

    plan = BenchmarkPlan(train=train, validation=validation, test=test, seed=seed, side=size)
    with progress_bar("rendering faces", total=sum(plan.counts.values())) as bar:
        write_benchmark(folder, plan, jobs=jobs or processors(), progress=bar.update)
    if as_json:
        print_json({"folder": str(folder), **plan.to_json()})
    else:
        look = f"edgedf data show {shlex.quote(str(folder))}"
        say(f"wrote {sum(plan.counts.values())} pictures to {folder}; look with: {look}")


@command.command()
@_folder
@json_option
def show(folder: Path, as_json: bool) -> None:
    """Count a data set's pictures, find damaged ones and people who are in two splits.

    Exit code 1 if people are shared between splits or pictures are damaged.

    \b
    Example:
      edgedf data show faces --json
    """
    from edgedf.data.survey import survey

    with progress_bar("reading pictures") as bar:
        result = survey(folder, progress=bar.update)
    if as_json:
        print_json(result.to_json())
    else:
        _print_survey(result)
    if not result.good:
        sys.exit(EXIT_GATE)


def _print_survey(result: Survey) -> None:
    """A survey for a person."""
    rows = [
        (
            s.split,
            s.real,
            s.fake,
            s.people or None,
            len(s.damaged),
            f"{s.sides[0]}..{s.sides[1]}" if s.sides else None,
        )
        for s in result.splits
    ]
    columns = ("split", "real", "fake", "people", "damaged", "sides in px")
    print_table(columns, rows, title=f"{result.name}: {result.description}".rstrip(": "), right=columns[1:])
    if result.kinds:
        show_line("kinds: " + ", ".join(f"{kind} {count}" for kind, count in result.kinds.items()))
    show_line(f"identities from: {result.identity_source}")
    show_line(f"fingerprint: {result.fingerprint}")
    for pair, count in result.shared.items():
        show_line(f"PROBLEM: {count} people are in both {pair.replace('+', ' and ')}")
    for split in result.splits:
        for file in split.damaged[:10]:
            show_line(f"PROBLEM: {file.path}: {file.reason}")
        if len(split.damaged) > 10:
            show_line(f"PROBLEM: {len(split.damaged) - 10} more damaged in {split.split}; --json lists them")


@command.command()
@_folder
@click.argument("out", type=ExistingPath, metavar="OUT.png")
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True
)
@click.option("--rows", type=click.IntRange(1, 40), default=6, show_default=True, help="Rows of faces.")
@click.option("--columns", type=click.IntRange(1, 40), default=10, show_default=True, help="Faces in a row.")
@click.option("--seed", default=0, show_default=True, help="Which faces are drawn.")
def sheet(folder: Path, out: Path, split: str, rows: int, columns: int, seed: int) -> None:
    """Write a contact sheet of cropped faces: real ones framed green, fakes red with their kind.

    \b
    Example:
      edgedf data sheet faces faces.png --split train
    """
    if out.suffix.lower() != ".png":
        raise UsageError(f"{out} must end in .png", field="OUT.png")
    from edgedf.data.index import read_dataset
    from edgedf.data.sheet import contact_sheet
    from edgedf.files import write_atomic

    index = read_dataset(folder, allow_shared_identities=True)
    write_atomic(out, contact_sheet(index, split, rows=rows, columns=columns, seed=seed))
    say(f"wrote {out}")


@command.command()
@_folder
@click.option(
    "--limit", type=click.IntRange(100), default=4000, show_default=True, help="Most pictures read."
)
@click.option("--seed", default=0, show_default=True, help="Which pictures are read, and their split.")
@json_option
def probe(folder: Path, limit: int, seed: int, as_json: bool) -> None:
    """Ask how far trivial cues tell real from fake: colours, file size, sharpness.

    Each cue gets a logistic regression, tested on pictures it has not seen: of other people (the first
    person of each picture), where identities are known. AUC 0.5 is chance. From 0.65 on, and as far below
    chance, a detector's accuracy may be the cue's, and the exit code is 1.

    \b
    Example:
      edgedf data probe faces
    """
    from edgedf.data.index import read_dataset
    from edgedf.data.probe import probe_dataset

    index = read_dataset(folder, allow_shared_identities=True)
    with progress_bar("reading pictures") as bar:
        report = probe_dataset(index, limit=limit, seed=seed, progress=bar.update)
    if as_json:
        print_json(report.to_json())
    else:
        rows = [(r.name, f"{r.auc:.3f}", f"{r.low:.3f}..{r.high:.3f}", r.verdict) for r in report.results]
        print_table(("cue", "AUC", "95% interval", "verdict"), rows, right=("AUC", "95% interval"))
        show_line(f"limits: AUC {1 - report.limit:g} and {report.limit:g}")
        show_line(f"{report.pictures} pictures; {report.people}")
    if not report.good:
        sys.exit(EXIT_GATE)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
