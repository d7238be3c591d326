"""`edgedf data split`: splits that share nobody, from pictures that have none."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from edgedf.cli.options import ExistingPath, json_option
from edgedf.cli.output import print_json, print_table, progress_bar, say, warn


@click.command("split")
@click.argument("folder", type=ExistingPath, metavar="DIR")
@click.argument("out", type=ExistingPath, metavar="OUT")
@click.option("--validation", default=0.15, show_default=True, help="Share of the pictures in Validation.")
@click.option("--test", default=0.15, show_default=True, help="Share of the pictures in Test.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which people go where.")
@json_option
def command(folder: Path, out: Path, validation: float, test: float, seed: int, as_json: bool) -> None:
    """Copy the pictures in DIR to a new data set OUT whose splits share nobody.

    DIR holds Fake and Real, or is a whole data set that is to be split anew. People are known from its
    index.json, or from names in the manner of FaceForensics++; whoever meets in a fake stays together.
    The same seed gives the same splits.

    \b
    Example:
      edgedf data split pictures dataset --validation 0.2 --test 0.2
    """
    from edgedf.data.split import plan_split, write_split

    plan = plan_split(folder, validation=validation, test=test, seed=seed)
    with progress_bar("copying pictures", total=len(plan.copies)) as bar:
        write_split(plan, out, progress=bar.update)
    result = plan.to_json()
    if not plan.known:
        warn("nobody is known by name: pictures of one person may be in two splits")
    if as_json:
        print_json({"folder": str(out), **result})
        return
    rows = [(split, counts["real"], counts["fake"]) for split, counts in result["splits"].items()]
    print_table(("split", "real", "fake"), rows, right=("real", "fake"))
    groups = f"{plan.groups} groups of people that share nobody; " if plan.known else ""
    say(f"{groups}look with: edgedf data show {shlex.quote(str(out))}")
