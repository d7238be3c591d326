"""A run and the bundle in it: the report says of which ticket the artifacts are, and breaks no bundle."""

from __future__ import annotations

import copy
import json
import os
import struct
import time
from pathlib import Path

import pytest

from edgedf.analysis.describe import describe
from edgedf.analysis.report import gather, render
from edgedf.assembly.source import read_source
from edgedf.bundle.manifest_reader import MAX_BUNDLE_BYTES
from edgedf.bundle.reader import open_bundle
from edgedf.cli.main import main
from edgedf.errors import BundleError, FileError, UsageError
from edgedf.files import sha256_file
from edgedf.ticket import write_ticket
from tests.detector_bundle import write_sample
from tests.ticket_samples import sample_ticket
from tests.training.test_run_rules import RUN


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a chosen ticket and no crops."""
    folder = tmp_path / "run"
    (folder / "tickets").mkdir(parents=True)
    document = copy.deepcopy(RUN)
    for index, point in enumerate(document["points"]):
        path = folder / point["ticket"]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ticket(path, sample_ticket(size=64, seed=index))
        point["sha256"] = sha256_file(path)
    first = folder / document["points"][0]["ticket"]
    (folder / "ticket.safetensors").write_bytes(first.read_bytes())
    document["chosen"]["sha256"] = document["points"][0]["sha256"]
    document.update(evaluation=None, status="running")
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def test_the_chosen_tickets_bundle_needs_no_word(run: Path) -> None:
    write_sample(run / "bundle.edgedf", ticket_sha256=sha256_file(run / "ticket.safetensors"))
    assert gather(run, runs=0).artifacts_of == ""


def test_another_points_bundle_is_named_for_what_it_is(run: Path) -> None:
    digest = sha256_file(run / "ticket.safetensors")
    document = json.loads((run / "run.json").read_text())
    document["chosen"] = None
    document["status"] = "running"
    (run / "run.json").write_text(json.dumps(document))
    write_sample(run / "other.edgedf", ticket_sha256=digest)
    sources = gather(run, runs=0)
    assert "These artifacts are of: dense, round 0" in sources.artifacts_of
    assert render(sources).count(sources.artifacts_of) >= 2


def _add_point(run: Path, ticket: str, **fields: object) -> Path:
    """Another point of the run, with a ticket file of its own."""
    document = json.loads((run / "run.json").read_text())
    path = run / ticket
    path.parent.mkdir(parents=True, exist_ok=True)
    write_ticket(path, sample_ticket(size=64, seed=9))
    point = document["points"][0] | {"ticket": ticket, "sha256": sha256_file(path)} | fields
    document["points"].append(point)
    document["seeds"] = sorted({p["seed"] for p in document["points"]})
    (run / "run.json").write_text(json.dumps(document))
    return path


def test_a_controls_bundle_is_not_shown_as_the_tickets(run: Path) -> None:
    path = _add_point(run, "controls/random-02.safetensors", kind="random", round=2)
    write_sample(read_source(path).default_out(), ticket_sha256=sha256_file(path))
    sources = gather(run, runs=0)
    assert "random mask, round 2" in sources.artifacts_of
    assert "not of the chosen ticket" in sources.artifacts_of


def test_bundles_of_other_points_have_their_tickets_names(run: Path) -> None:
    control = _add_point(run, "controls/random-02.safetensors", kind="random", round=2)
    assert read_source(control).default_out() == run / "random-02.edgedf"
    other = _add_point(run, "seeds/4/tickets/round-01.safetensors", seed=4, round=1)
    assert read_source(other).default_out() == run / "round-01-seed-4.edgedf"


def test_a_foreign_bundle_is_refused_with_both_tickets(run: Path) -> None:
    write_sample(run / "bundle.edgedf")
    with pytest.raises(UsageError, match="none of the tickets") as caught:
        gather(run, runs=0)
    assert "abababababab" in str(caught.value)
    assert sha256_file(run / "ticket.safetensors")[:12] in str(caught.value)
    assert "edgedf build" in (caught.value.hint or "")


def test_the_runs_own_bundle_is_taken_among_several(run: Path) -> None:
    write_sample(run / "bundle.edgedf", ticket_sha256=sha256_file(run / "ticket.safetensors"))
    write_sample(run / "random-02.edgedf", ticket_sha256="cd" * 32)
    assert gather(run, runs=0).artifacts_of == ""


def test_only_the_chosen_ticket_is_built_to_the_runs_bundle(run: Path) -> None:
    assert read_source(run).default_out() == run / "bundle.edgedf"
    document = json.loads((run / "run.json").read_text())
    document.update(chosen=None, status="running")
    (run / "run.json").write_text(json.dumps(document))
    path = run / document["points"][0]["ticket"]
    assert read_source(path).default_out() == run / f"{path.stem}.edgedf"


def test_a_page_is_not_written_into_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_sample(tmp_path / "b.edgedf")
    for inside in ("x.html", "golden/x.html"):
        with pytest.raises(SystemExit) as stopped:
            main(["report", str(bundle), "--out", str(bundle / inside), "--runs", "0"])
        assert stopped.value.code == 2
    assert "would lie in the bundle" in capsys.readouterr().err
    with open_bundle(bundle):
        pass


def _bomb(count: int) -> bytes:
    """A .pte of `count` chains that all are the same chain of `count` instructions: count squared to walk."""
    data = bytearray(struct.pack("<I", 0) + b"ET12")

    def table(field: int) -> int:
        """A table with one field, at its fourth byte; returns where it is."""
        vtable = len(data)
        data.extend(struct.pack("<HH", 6 + 2 * field, 8) + bytes(2 * field) + struct.pack("<H", 4))
        data.extend(bytes(-len(data) % 4))
        data.extend(struct.pack("<iI", len(data) - vtable, 0))
        return len(data) - 8

    def vector(owner: int, entries: int) -> int:
        start = len(data)
        struct.pack_into("<I", data, owner + 4, start - owner - 4)
        data.extend(struct.pack("<I", entries) + bytes(4 * entries))
        return start + 4

    def refer(start: int, entries: int, target: int) -> None:
        for place in range(start, start + 4 * entries, 4):
            struct.pack_into("<I", data, place, target - place)

    program = table(1)
    struct.pack_into("<I", data, 0, program)
    plans = vector(program, 1)
    plan = table(5)
    refer(plans, 1, plan)
    chains = vector(plan, count)
    chain = table(2)
    refer(chains, count, chain)
    instructions = vector(chain, count)
    refer(instructions, count, table(0))
    return bytes(data)


def test_nested_loops_of_a_hostile_file_end_within_seconds(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pte"
    path.write_bytes(_bomb(20_000))
    started = time.perf_counter()
    with pytest.raises(BundleError, match="more than 50000 entries"):
        describe(path)
    assert time.perf_counter() - started < 10
    path.write_bytes(_bomb(100))
    assert "forward" not in str(describe(path).to_json())


@pytest.mark.parametrize(("name", "head"), [("m.pte", b"\0\0\0\0ET12"), ("m.tflite", b"\0\0\0\0TFL3")])
def test_an_oversized_artifact_is_not_read(name: str, head: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(head)
    os.truncate(path, MAX_BUNDLE_BYTES + 1)
    with pytest.raises(FileError, match="larger than the allowed"):
        describe(path)


def test_a_package_is_held_to_the_sum_and_to_plain_files(tmp_path: Path) -> None:
    package = tmp_path / "m.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_text("{}")
    for name in ("a", "b"):
        (package / "Data" / name).write_bytes(b"")
        os.truncate(package / "Data" / name, MAX_BUNDLE_BYTES // 2)
    with pytest.raises(FileError, match="larger than the allowed"):
        describe(package)
    (package / "Data" / "a").unlink()
    for target in ("/dev/zero", tmp_path):
        (package / "Data" / "a").unlink(missing_ok=True)
        (package / "Data" / "a").symlink_to(target)
        with pytest.raises(BundleError, match="is a link"):
            describe(package)
