"""`edgedf doctor`: what works on this machine, what is missing, how to get it."""

from __future__ import annotations

import sys

import click

from edgedf.cli.json_option import json_option
from edgedf.cli.output import print_json, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Say what works on this machine, what is missing and how to get it.

    \b
    Examples:
      edgedf doctor
      edgedf doctor --json

    \b
    Exit code: 0 at least one target's artifacts run here, 3 none does.
    """
    from edgedf import __version__
    from edgedf.analysis.machine import can_detect, examine
    from edgedf.errors import EXIT_NOT_RUN

    findings = examine()
    if as_json:
        print_json({"edgedf": __version__, "findings": [finding.to_json() for finding in findings]})
    else:
        rows = [
            (f.group, f.name, "yes" if f.usable else "NO", f.detail, f.enables, f.remedy or None)
            for f in findings
        ]
        columns = ("kind", "name", "usable", "what is here", "for", "how to get it")
        print_table(columns, rows, title=f"edgedf {__version__}")
    sys.exit(0 if can_detect(findings) else EXIT_NOT_RUN)
