"""`--json`, which every verb has; by itself, so that `edgedf doctor` runs where numpy is missing."""

from __future__ import annotations

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document to stdout instead of text."
)
