"""`edgedf bench`: size and latency of a bundle's artifacts on this machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedf.bundle.manifest import TARGETS
from edgedf.cli.options import ExistingPath, json_option, threads_option
from edgedf.cli.output import human_bytes, print_json, print_table, progress_bar, say, warn
from edgedf.errors import UsageError

if TYPE_CHECKING:
    from edgedf.analysis.latency import Latency


# What people have at hand beside bundles.
_ARTIFACT = dict.fromkeys((".edgedfm", ".pte", ".tflite", ".mlpackage"), "is one artifact of a bundle")
_NO_BUNDLE = _ARTIFACT | {".safetensors": "is a ticket"}
_WANTED = "give the bundle that `edgedf build` writes; or a ticket or run with --layers or --sweep"


@click.command()
@click.argument("source", type=ExistingPath, required=False, metavar="[BUNDLE|RUN]")
@click.option(
    "--target", "targets", multiple=True, type=click.Choice(TARGETS), help="Only this one; may be repeated."
)
@click.option(
    "--runs", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Timed calls per target."
)
@click.option("--sweep", is_flag=True, help="Time networks of 0 to 99 % zeros instead; minutes.")
@click.option("--layers", is_flag=True, help="Time each layer of RUN's ticket on the native engine instead.")
@click.option(
    "--arch",
    "archs",
    multiple=True,
    metavar="NAME[@SIZE]",
    help="Network to sweep; may be repeated. Default: that of RUN, else every architecture.",
)
@click.option(
    "--out",
    type=ExistingPath,
    metavar="FILE",
    help="Where the sweep goes. Default: sweep.json in RUN, else here.",
)
@threads_option
@json_option
def command(
    source: Path | None,
    targets: tuple[str, ...],
    runs: int,
    sweep: bool,
    layers: bool,
    archs: tuple[str, ...],
    out: Path | None,
    threads: int,
    as_json: bool,
) -> None:
    """Measure a bundle's artifacts on this machine: size installed and zipped, latency of one crop.

    The targets take turns call by call; the table gives the median and the 10th and 90th percentile in
    milliseconds. A runtime that is not here is NOT RUN; the Core ML reference is never timed as Core ML.

    --sweep times random masks on every engine and writes the figures; `edgedf report RUN` then shows how
    latency falls with the zeros. --layers shows multiplies, bytes and time of each layer, and how near
    the machine's limit it comes. For both, RUN may also be a ticket.

    \b
    Examples:
      edgedf bench runs/first/bundle.edgedf
      edgedf bench runs/first/bundle.edgedf --target tflite --runs 200 --json
      edgedf bench runs/first --sweep
      edgedf bench runs/first/ticket.safetensors --layers

    \b
    Exit code: 0 at least one target was timed, 2 bad input, 3 none could run.
    """
    if sweep or layers:
        _refuse(source, _ARTIFACT)
    if sweep:
        from edgedf.cli import bench_sweep

        if targets or layers:
            raise UsageError("times every engine", field="--sweep", hint="leave --target out")
        bench_sweep.show(bench_sweep.sweep(source, archs, runs, threads, out), as_json=as_json)
        return
    if archs or out is not None:
        raise UsageError("belongs to --sweep", field="--arch" if archs else "--out")
    if layers:
        from edgedf.cli import bench_layers

        if threads > 1 or set(targets) - {"native"}:
            raise UsageError("times the native engine on one thread", field="--layers")
        bench_layers.show(bench_layers.layers(source), as_json=as_json)
        return
    _bench(source, targets, runs, threads, as_json)


def _refuse(source: Path | None, kinds: Mapping[str, str]) -> None:
    """UsageError on a file of these suffixes, with what it is."""
    if source is not None and source.suffix in kinds and source.exists():
        raise UsageError(kinds[source.suffix], file=source, hint=_WANTED)


def _bench(bundle: Path | None, targets: tuple[str, ...], runs: int, threads: int, as_json: bool) -> None:
    from edgedf.analysis.busy import EFFECT, busy
    from edgedf.analysis.describe.bundle import artifact_sizes
    from edgedf.analysis.latency import measure
    from edgedf.bundle.reader import open_bundle
    from edgedf.cli.config import named_bundle

    path = named_bundle(bundle)
    _refuse(path, _NO_BUNDLE)
    with open_bundle(path) as opened:
        chosen = targets or tuple(entry.target for entry in opened.manifest.artifacts)
        sizes = {t: artifact_sizes(opened.folder, opened.artifact(t)) for t in dict.fromkeys(chosen)}
        others = busy()
        with progress_bar("Timing", total=runs) as bar:
            results = measure(opened, tuple(sizes), runs=runs, threads=threads, progress=bar.update)
    records = [_record(result, *sizes[result.target]) for result in results]
    if others:
        warn(f"{others}: {EFFECT}")
    if as_json:
        described = machine() | {"busy": others}
        print_json({"bundle": opened.manifest.name, "machine": described, "targets": records})
    else:
        _print(records, threads)
    if all(record["not_run"] for record in records):
        from edgedf.errors import NotRunError

        raise NotRunError("no target could be timed", hint="`edgedf doctor` says what is missing")


def machine() -> dict[str, Any]:
    """What timed it: processor architecture, its name where the system tells, operating system."""
    from edgedf.analysis.latency import processor_name

    name = processor_name()
    return {"architecture": platform.machine(), "processor": name, "system": platform.system()}


def _record(latency: Latency, installed: int, zipped: int) -> dict[str, Any]:
    return latency.to_json() | {"installed": installed, "zipped": zipped}


def _print(records: list[dict[str, Any]], threads: int) -> None:
    rows = []
    for record in records:
        spread = None if record["low"] is None else f"{record['low']:.2f} .. {record['high']:.2f}"
        median = "NOT RUN" if record["median"] is None else f"{record['median']:.2f}"
        sizes = (human_bytes(record["installed"]), human_bytes(record["zipped"]))
        rows.append(
            (record["target"], record["precision"], *sizes, median, spread, record["runtime"] or None)
        )
    columns = ("target", "precision", "installed", "zipped", "median ms", "10th .. 90th", "runtime")
    title = f"one crop, {threads} thread{'s' if threads > 1 else ''}, {machine()['processor']}"
    print_table(columns, rows, title=title, right=columns[2:6])
    for record in records:
        if record["not_run"]:
            say(f"NOT RUN {record['target']}: {record['not_run']}")
