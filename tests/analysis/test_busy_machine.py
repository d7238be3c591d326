"""Latency with its conditions: who measures on a busy machine is told, on the terminal and on the page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgedf.analysis.busy import _cores_in_use, told
from edgedf.analysis.latency import processor_name
from edgedf.analysis.report import gather, render
from edgedf.cli.main import main
from tests.detector_bundle import write_sample

WARNING = "medians hold their time too, the 10th percentiles less"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("busy") / "b.edgedf")


@contextmanager
def _spinning() -> Iterator[None]:
    """Other programs that keep every processor busy."""
    code = "print(flush=True)\nwhile True: pass"
    programs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()
        yield
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def test_bench_and_page_say_that_others_keep_the_machine_busy(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _spinning():
        main(["bench", str(bundle), "--runs", "1", "--json"])
        page = render(gather(bundle, runs=1))
    printed = capsys.readouterr()
    assert re.search(rf"warning: other programs are running \(.* cores busy\): {WARNING}", printed.err)
    assert json.loads(printed.out)["machine"]["busy"].startswith("other programs are running")
    assert f"Timed on {processor_name() or 'an unnamed processor'}" in page
    assert WARNING in page
    assert "Timed on" not in render(gather(bundle, runs=0))


def test_a_program_is_not_busy_by_its_own_last_minute() -> None:
    """As far as another test's work allows: this process spins, and looks at once after it."""
    with _spinning():
        others = _cores_in_use(os.cpu_count() or 1)
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        pass
    alone = _cores_in_use(os.cpu_count() or 1)
    assert others is not None
    assert alone is not None
    assert alone <= others + 0.2


def test_words_begin_at_a_quarter_of_the_processors() -> None:
    assert told(0.5, 2) == told(0.0, 1) == ""
    assert told(0.51, 2) == "other programs are running (0.5 of 2 cores busy)"
    assert told(3.9, 16) == ""
