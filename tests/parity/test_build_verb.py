"""`edgedf build` and `edgedf parity` as a user types them: outcomes, exit codes, equal bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import write_bundle
from edgedf.cli.main import main
from edgedf.data.synth.writer import NAME as SYNTHETIC
from edgedf.files import sha256_file
from edgedf.ticket import write_ticket
from tests.bundle_samples import sample_bundle
from tests.detector_bundle import write_sample
from tests.parity_samples import lively_ticket


def _edgedf(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from edgedf.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def ticket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ticket whose lineage says that it was trained on the synthetic benchmark."""
    made = lively_ticket()
    lineage = replace(made.lineage, dataset={"name": SYNTHETIC})
    path = tmp_path_factory.mktemp("ticket") / "t.safetensors"
    write_ticket(path, replace(made, lineage=lineage))
    return path


@pytest.mark.slow
def test_two_builds_in_two_folders_give_equal_bytes_and_pass_again(tmp_path: Path, ticket: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        options = ("--target", "all", "--out", ".", "--zip", "--crops", "90")
        done = _edgedf(tmp_path / name, "build", str(ticket), *options)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    first, second = _content(tmp_path / "one"), _content(tmp_path / "two")
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []
    done = _edgedf(tmp_path / "one", "parity", "t.edgedf.zip", "--json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)
    assert found["outcome"] == "pass"
    assert [r["subject"] for r in found["reports"]][1:] == ["executorch", "coreml", "tflite", "native"]
    done = _edgedf(tmp_path / "one", "parity", "t.edgedf", "--target", "tflite", "--ticket", str(ticket))
    assert done.returncode == 0, done.stdout
    done = _edgedf(tmp_path / "one", "parity", "t.edgedf", "--box-jitter", "--pictures", "2", "--json")
    assert [row["amplitude"] for row in json.loads(done.stdout)["rows"]] == [0.05, 0.10, 0.15]


def test_seconds_are_those_that_the_user_waits(tmp_path: Path, ticket: Path, capsys) -> None:
    """Most of this build is rendering evaluation crops, which happens before anything is compacted."""
    start = time.perf_counter()
    with pytest.raises(SystemExit) as caught:
        main(["build", str(ticket), "--target", "native", "--crops", "150", "--out", str(tmp_path), "--json"])
    waited = time.perf_counter() - start
    assert caught.value.code == 0
    assert 0.9 * waited - 0.1 < json.loads(capsys.readouterr().out)["seconds"] <= waited + 0.01


def _build(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _edgedf(folder, "build", *arguments, "--target", "native", "--crops", "90")


def test_a_build_says_which_targets_the_bundle_that_it_replaces_had(tmp_path: Path, ticket: Path) -> None:
    write_bundle(tmp_path / "t.edgedf", *sample_bundle())
    with open_bundle(tmp_path / "t.edgedf") as before:
        others = [entry.target for entry in before.manifest.artifacts if entry.target != "native"]
    assert others
    done = _build(tmp_path, str(ticket))
    assert done.returncode == 0, done.stdout + done.stderr
    said = f"the bundle that was there is replaced, and so are its artifacts for {', '.join(others)}"
    assert f"warning: {said}\n" in done.stderr
    assert "replaced" not in _build(tmp_path, str(ticket)).stderr


def test_the_configured_bundle_is_written_for_the_configured_ticket_alone(tmp_path: Path, ticket) -> None:
    """`bundle` alone is what the other verbs read: the demo ticket must not take its place."""
    app = write_sample(tmp_path / "app.edgedf")
    before = _content(app)
    (tmp_path / "edgedf.toml").write_text('bundle = "app.edgedf"\n')
    done = _build(tmp_path)
    assert done.returncode == 0, done.stderr
    assert _content(app) == before
    assert (tmp_path / "mesonet-128-s80.edgedf").is_dir()
    (tmp_path / "edgedf.toml").write_text(f'bundle = "app.edgedf"\nticket = "{ticket}"\n')
    assert _build(tmp_path).returncode == 0
    with open_bundle(app) as opened:
        assert opened.manifest.ticket_sha256 == sha256_file(ticket)


@pytest.mark.slow
def test_a_check_that_did_not_run_writes_nothing_unless_accepted(tmp_path: Path) -> None:
    write_ticket(tmp_path / "real.safetensors", lively_ticket())
    options = ("build", "real.safetensors", "--target", "coreml", "--out", "out.edgedf", "--json")
    done = _edgedf(tmp_path, *options)
    assert done.returncode == 3
    assert json.loads(done.stdout)["outcome"] == "not_run"
    assert not (tmp_path / "out.edgedf").exists()
    assert _edgedf(tmp_path, *options, "--accept-not-run", "open").returncode == 3
    done = _edgedf(tmp_path, *options, "--accept-not-run", "auc")
    assert done.returncode == 0
    with open_bundle(tmp_path / "out.edgedf") as bundle:
        assert bundle.artifact("coreml").parity.not_run == ("auc",)
        assert bundle.artifact("coreml").parity.outcome == "not_run"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "nothing.safetensors"), "no such file"),
        (("build", "."), "holds no run.json"),
        (("build", "--precision", "float8"), "unknown precision"),
        (("build", "--target", "executorch", "--precision", "int8"), "has no int8"),
        (("build", "--target", "tflite", "--precision", "coreml=float16"), "is not being built"),
        (("build", "--out", "photos.edgedf"), "is not a bundle"),
        (("parity", "nothing.edgedf"), "no such bundle"),
        (("parity", "photos.edgedf"), "no bundle"),
        (("parity", "photos.edgedf", "--data", "x"), "only read with"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "photos.edgedf").mkdir()
    (tmp_path / "photos.edgedf" / "me.jpg").write_bytes(b"")
    done = _edgedf(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
