"""The `edgedf` command: a table of verbs, each loaded only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import click

from edgedf import __version__
from edgedf.cli.streams import lasting_streams
from edgedf.errors import EXIT_BUG, EXIT_NOT_RUN, EdgedfError, FileError

# What click raises for a group without a verb; older versions print the help themselves.
_NO_VERB: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

# verb -> (module that holds `command`, one line for `edgedf --help`), in the order of the work.
VERBS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "data": ("edgedf.cli.data", "Write the synthetic benchmark, or look at a data set."),
        "train": ("edgedf.cli.train", "Train tickets by iterative magnitude pruning."),
        "show": ("edgedf.cli.show", "Show a ticket, bundle or artifact."),
        "build": ("edgedf.cli.build", "Compact a ticket, convert it, prove parity, write a bundle."),
        "parity": ("edgedf.cli.parity", "Check a bundle's artifacts against its golden vectors again."),
        "detect": ("edgedf.cli.detect", "Say whether the faces in a picture are fake."),
        "bench": ("edgedf.cli.bench", "Measure a bundle's size and latency on this machine."),
        "report": ("edgedf.cli.report", "Write one HTML page about a run and its bundle."),
        "doctor": ("edgedf.cli.doctor", "Say what works on this machine and what is missing."),
    }
)


class _LazyGroup(click.Group):
    """A group whose commands are imported when they run, so that `edgedf --help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = import_module(VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="edgedf")
def cli() -> None:
    """Deepfake detectors for phones: train a sparse ticket, build mobile artifacts, prove that they agree.

    \b
    Example:
      edgedf data synth faces
      edgedf train faces --arch mesonet --out runs/first
      edgedf build runs/first --target all
      edgedf detect photo.jpg --bundle runs/first/bundle.edgedf
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point: one line and an exit code for every mistake, no traceback."""
    with lasting_streams():
        _run(arguments)


def _run(arguments: list[str] | None) -> None:
    try:
        # Without standalone mode click returns the code that a verb asked for with `ctx.exit`.
        code = cli.main(args=arguments, prog_name="edgedf", standalone_mode=False)
        if isinstance(code, int) and code:
            sys.exit(code)
    except EdgedfError as error:
        _fail(str(error), error.exit_code)
    except _NO_VERB as error:
        # No mistake to name: whoever typed only `edgedf` gets the help, and a script its exit code.
        click.echo(error.format_message(), err=True)
        sys.exit(EdgedfError.exit_code)
    except click.UsageError as error:
        verb = error.ctx.command_path if error.ctx else "edgedf"
        _fail(f"{_lower(error.format_message())}\nhint: {verb} --help", EdgedfError.exit_code)
    except click.ClickException as error:
        _fail(_lower(error.format_message()), EdgedfError.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", 130)
    except ImportError as error:
        # A broken library (no libGL.so.1, another processor's wheel) is a broken machine, not our bug.
        if (error.name or "").partition(".")[0] in ("edgedf", "converters"):
            _bug(error)
        from edgedf.analysis.packages import not_loaded

        _fail(str(not_loaded(error)), EXIT_NOT_RUN)
    except OSError as error:
        # A disk that fills up or a file that vanishes between two calls is the user's world, not our bug.
        _fail(str(FileError(error.strerror or str(error), file=error.filename)), FileError.exit_code)
    except Exception as error:
        _bug(error)


def _bug(error: Exception) -> NoReturn:
    """Our own bug: its code must not read as "the gate said no"."""
    if os.environ.get("EDGEDF_TRACE"):
        raise error
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    _fail(f"a bug in edgedf ({what})\nhint: EDGEDF_TRACE=1 shows where; please report it", EXIT_BUG)


def _lower(text: str) -> str:
    """Click's message in our style: lower case at the start, no full stop."""
    return (text[:1].lower() + text[1:]).rstrip(".")


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
