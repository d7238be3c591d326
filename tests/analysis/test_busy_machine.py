"""Latency with its conditions: who measures on a busy machine is told, on the terminal and on the page."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgedf.analysis.latency import processor_name
from edgedf.analysis.report import gather, render
from edgedf.cli.main import main
from tests.detector_bundle import write_sample

BUSY, IDLE = (4096.0, 0.0, 0.0), (0.0, 0.0, 0.0)
WARNING = "medians hold their time too, the 10th percentiles less"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("busy") / "b.edgedf")


def _load(monkeypatch: pytest.MonkeyPatch, load: tuple[float, float, float]) -> None:
    # A minute of real load would slow every other test down.
    monkeypatch.setattr(os, "getloadavg", lambda: load, raising=False)


def _bench(bundle: Path) -> None:
    main(["bench", str(bundle), "--runs", "1", "--json"])


def test_bench_warns_on_a_busy_machine(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _load(monkeypatch, BUSY)
    _bench(bundle)
    printed = capsys.readouterr()
    assert (
        f"warning: other programs are running (load 4096 on {os.cpu_count()} cores): {WARNING}" in printed.err
    )
    assert json.loads(printed.out)["machine"]["busy"].startswith("other programs are running")


def test_bench_says_nothing_on_an_idle_one(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _load(monkeypatch, IDLE)
    _bench(bundle)
    printed = capsys.readouterr()
    assert "warning" not in printed.err
    assert json.loads(printed.out)["machine"]["busy"] == ""


def test_the_page_names_the_processor_and_the_load(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _load(monkeypatch, BUSY)
    page = render(gather(bundle, runs=1))
    assert f"Timed on {processor_name() or 'an unnamed processor'}" in page
    assert WARNING in page
    _load(monkeypatch, IDLE)
    page = render(gather(bundle, runs=1))
    assert "no other load was seen when timing began" in page
    assert WARNING not in page
    assert "Timed on" not in render(gather(bundle, runs=0))
