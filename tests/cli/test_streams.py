"""Readers that go away, streams that are closed, disks that are full: the verb's own exit code comes out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgedf.bundle.golden import golden_files
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import file_entries, write_bundle
from tests.detector_bundle import write_sample

EDGEDF = [sys.executable, "-c", "from edgedf.cli.main import main; main()"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and shells of POSIX")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("streams") / "good.edgedf")


@pytest.fixture(scope="module")
def failing(good: Path) -> Path:
    """A bundle with right hashes whose gate says no: one golden logit is moved by a half."""
    with open_bundle(good) as opened:
        goldens, manifest = opened.goldens(), opened.manifest
    logits = goldens.logits.copy()
    logits[3] += 0.5
    golden = golden_files(replace(goldens, logits=logits))
    listed = [file.path for entry in manifest.artifacts for file in entry.files]
    files = golden | {path: (good / path).read_bytes() for path in listed}
    path = good.with_name("failing.edgedf")
    write_bundle(path, replace(manifest, golden=file_entries(golden)), files)
    return path


def unread(*arguments: object) -> tuple[int, bytes]:
    """Exit code and standard error of the command where nobody reads its output."""
    command = [*EDGEDF, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        err = process.stderr.read()
        return process.wait(timeout=60), err


def shell(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`line` in bash, in which "$@" is the command; what it prints is the answer."""
    command = ["bash", "-c", line, "bash", *EDGEDF, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_a_gate_that_says_no_says_so_to_nobody_too(failing: Path) -> None:
    assert {unread("parity", failing) for _ in range(20)} == {(1, b"")}


@pytest.mark.parametrize("json", [(), ("--json",)])
def test_a_reader_that_goes_away_changes_no_exit_code(
    good: Path, failing: Path, json: tuple[str, ...]
) -> None:
    assert unread("parity", failing, *json) == (1, b"")
    assert unread("parity", good, *json) == (0, b"")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("parity", "--help")])
def test_help_for_nobody_is_no_failure(arguments: tuple[str, ...]) -> None:
    assert unread(*arguments) == (0, b"")


def test_a_reader_of_both_streams_may_go_away(tmp_path: Path, good: Path) -> None:
    done = shell('"$@" 2>&1 | true; echo ${PIPESTATUS[0]}', "detect", tmp_path / "none.jpg", "--bundle", good)
    assert done.stdout == "2\n"


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_from_the_start_changes_no_exit_code(
    good: Path, failing: Path, closed: str
) -> None:
    for bundle, code in ((good, "0\n"), (failing, "1\n")):
        done = shell(f'"$@" {closed}; code=$?; echo $code', "parity", bundle)
        assert (done.stdout, done.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("json", [(), ("--json",)])
def test_a_full_disk_is_one_message_that_names_standard_output(good: Path, json: tuple[str, ...]) -> None:
    done = shell('"$@" >/dev/full', "show", good, *json)
    assert done.returncode == 2
    problem, hint = done.stderr.splitlines()
    assert problem == "error: standard output: cannot be written (No space left on device)"
    assert hint.startswith("hint: free some space")


def test_main_leaves_the_programs_streams_as_they_were(good: Path) -> None:
    script = (
        "import sys; before = sys.stdout, sys.stderr\n"
        "from edgedf.cli.main import main\n"
        "main(sys.argv[1:])\n"
        "assert (sys.stdout, sys.stderr) == before; print('after')"
    )
    command = [sys.executable, "-c", script, "show", str(good)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("bundle")
    assert done.stdout.endswith("after\n")
