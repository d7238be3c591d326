"""Latency over sparsity: measured on real engines, kept in a strict file, shown in the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgedf.analysis.report import gather, render
from edgedf.analysis.sweep import SWEEP_NAME, Sweep, SweepPoint, read_sweep, write_sweep
from edgedf.assembly.sweep import ENGINES, Work, run_sweep, sparse_network
from edgedf.cli.main import cli
from edgedf.compact.graph import Conv2d
from edgedf.errors import EdgedfError, FileError
from tests.detector_bundle import write_sample


def _sweep(**changes: Any) -> Sweep:
    points = [
        SweepPoint(
            work=work,
            sparsity=sparsity,
            target=target,
            runtime="<b>engine</b>",
            low=0.5 - sparsity / 3,
            median=0.6 - sparsity / 3,
            high=1.0,
            runs=9,
        )
        for work in ("mesonet@64", "cnn5@64")
        for sparsity in (0.0, 0.9)
        for target in ("native", "tflite")
    ]
    return Sweep(**{"processor": "a <b>", "threads": 1, "points": tuple(points), "not_run": {}} | changes)


def test_file_comes_back_as_written(tmp_path: Path) -> None:
    sweep = _sweep(not_run={"executorch": "not installed"})
    write_sweep(tmp_path / "s.json", sweep)
    assert read_sweep(tmp_path / "s.json") == sweep


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.update(format_version=2), "format_version: is 2"),
        (lambda t: t.update(extra=1), "extra: unknown field"),
        (lambda t: t.pop("threads"), "threads: missing field"),
        (lambda t: t.update(threads=0), "threads: is not a whole number"),
        (lambda t: t.update(processor="a\x1b[2J"), "processor: is not a printable"),
        (lambda t: t.update(points={}), "points: is no list"),
        (lambda t: t.update(not_run=[]), "not_run: does not map"),
        (lambda t: t["points"][1].update(median="fast"), r"points\[1\].median: is not a number"),
        (lambda t: t["points"][0].update(median=0.1), r"points\[0\]: needs"),
        (lambda t: t["points"][0].update(low=0), r"points\[0\]: needs"),
        (lambda t: t["points"][0].update(sparsity=1.5), r"points\[0\]: needs"),
        (lambda t: t["points"][0].update(high=1e300), r"points\[0\]: needs"),
        (lambda t: t["points"][0].pop("runs"), r"runs: missing field of points\[0\]"),
        (lambda t: t["points"].insert(0, 5), r"points\[0\]: is not an object"),
    ],
)
def test_bad_file_is_one_error_that_names_the_field(change: Any, problem: str, tmp_path: Path) -> None:
    tree = _sweep().to_json() | {"points": [dict(p) for p in _sweep().to_json()["points"]]}
    change(tree)
    (tmp_path / "s.json").write_text(json.dumps(tree))
    with pytest.raises(FileError, match=problem):
        read_sweep(tmp_path / "s.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b"\xff"])
def test_something_else_is_no_sweep(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(data)
    with pytest.raises(FileError) as caught:
        read_sweep(tmp_path / "s.json")
    assert "edgedf bench --sweep" in (caught.value.hint or "")


def test_report_shows_a_chart_for_each_network(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s.json", _sweep(not_run={"executorch": "no <i>"}))
    bundle = write_sample(tmp_path / "b.edgedf")
    page = render(gather(bundle, runs=0, sweep=tmp_path / "s.json"))
    part = page[page.index("Latency over sparsity") :]
    assert part.count("<polyline") == 4
    assert "mesonet@64" in part
    assert "cnn5@64" in part
    assert "NOT RUN executorch: no &lt;i&gt;" in part
    assert "<b>" not in page
    places = [float(value) for value in re.findall(r'c[xy]="([-0-9.]+)"', part)]
    assert len(places) == 16
    assert all(0 <= place <= 760 for place in places)
    assert "Latency over sparsity" not in render(gather(bundle, runs=0))


def test_random_masks_leave_the_stated_share() -> None:
    for sparsity in (0.0, 0.5, 0.9):
        graph = sparse_network(Work(arch="cnn5", size=64), sparsity).graph
        weights = [node.op.weight_oihw for node in graph.nodes if isinstance(node.op, Conv2d)]
        kept = sum(map(np.count_nonzero, weights)) / sum(weight.size for weight in weights)
        assert kept == pytest.approx(1 - sparsity, abs=0.01)


@pytest.mark.slow
def test_every_engine_is_timed_and_zeros_cost_the_native_one_nothing() -> None:
    """Loose bounds: this is no benchmark, but a sweep that shows no slope at all would be broken."""
    steps: list[str] = []
    sweep = run_sweep([Work(arch="mesonet", size=64)], sparsities=(0.0, 0.95), runs=15, notify=steps.append)
    assert steps == ["mesonet@64 0%", "mesonet@64 95%"]
    assert [(p.sparsity, p.target) for p in sweep.points] == [(s, t) for s in (0.0, 0.95) for t in ENGINES]
    assert all(0 < p.low <= p.median <= p.high for p in sweep.points)
    dense, sparse = (p for p in sweep.points if p.target == "native")
    assert sparse.low < dense.low


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sweep", "--arch", "alexnet"], "unknown architecture 'alexnet'"),
        (["--sweep", "--arch", "mesonet@x"], "has no size after @"),
        (["--sweep", "--arch", "mesonet@33"], "33"),
        (["--sweep", "--target", "native"], "--sweep: times every engine"),
        (["--sweep", "nothing.safetensors"], "nothing.safetensors"),
        (["--arch", "cnn5"], "--arch: belongs to --sweep"),
        (["--out", "x.json"], "--out: belongs to --sweep"),
    ],
)
def test_mistakes_in_options_are_named(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(cli, ["bench", *arguments])
    assert isinstance(result.exception, EdgedfError | SystemExit)
    assert problem in str(result.exception) + result.output


def test_report_does_not_leave_a_damaged_sweep_out(tmp_path: Path) -> None:
    bundle = write_sample(tmp_path / "b.edgedf")
    (tmp_path / SWEEP_NAME).write_text("{")
    with pytest.raises(FileError, match="not valid JSON"):
        gather(bundle, runs=0, sweep=tmp_path / SWEEP_NAME)
