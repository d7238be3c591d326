"""Which options of `edgedf parity` belong to which of its three questions: none is taken and not used."""

from __future__ import annotations

import click
from click.core import ParameterSource

from edgedf.errors import UsageError

# Parameter -> its option. BUNDLE and --json go with every question.
_OPTIONS = {
    "faults": "--faults",
    "box_jitter": "--box-jitter",
    "targets": "--target",
    "ticket": "--ticket",
    "data": "--data",
    "crops": "--crops",
    "pictures": "--pictures",
    "accept_not_run": "--accept-not-run",
}
# What each question reads.
_FAULTS = {"faults", "ticket", "targets"}
_JITTER = {"box_jitter", "targets", "data", "pictures"}
_CHECK = {"targets", "ticket", "data", "crops", "accept_not_run"}


def check_mode(context: click.Context) -> None:
    """Raise UsageError that names the first option on the command line which the question does not read."""
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and name in _OPTIONS
    }
    if "faults" in given:
        mode, read = "with --faults", _FAULTS
    elif "box_jitter" in given:
        mode, read = "with --box-jitter", _JITTER
    else:
        mode, read = "without --box-jitter", _CHECK
    for name, option in _OPTIONS.items():
        if name in given - read:
            raise UsageError(f"is not read {mode}", field=option)
    if "ticket" in given:
        return
    if read is _FAULTS:
        raise UsageError("needs --ticket", field="--faults")
    if read is _CHECK and "data" in given:
        raise UsageError("is only read with --ticket or --box-jitter", field="--data")
    if read is _CHECK and "crops" in given:
        raise UsageError("is only read with --ticket", field="--crops")
