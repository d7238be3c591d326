"""Options that several verbs share, so that one word means one thing everywhere."""

from __future__ import annotations

from pathlib import Path

import click

from edgedf.bundle.manifest import TARGETS
from edgedf.cli.json_option import json_option as json_option
from edgedf.runtime.backend import MAX_THREADS

ExistingPath = click.Path(path_type=Path)  # existence is checked by the reader, which knows the better hint

accept_option = click.option(
    "--accept-not-run",
    "accept_not_run",
    multiple=True,
    type=click.Choice(("contrast", "open", "values", "auc", *TARGETS)),
    help="Go on although this check, or any check of this target, could not run here; may be repeated. "
    "Never accepts that no target's values were compared.",
)
bundle_option = click.option(
    "--bundle",
    type=ExistingPath,
    metavar="B",
    help="Bundle folder or .zip. Default: `bundle` in edgedf.toml, else the only *.edgedf here.",
)
target_option = click.option(
    "--target", type=click.Choice(TARGETS), help="Target to run. Default: the first that works here."
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    default=1,
    show_default=True,
    help="Threads of the runtime.",
)
