"""Writing: whole or not at all, the same bytes every time, never over something else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgedf.bundle.manifest import MANIFEST_NAME
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import file_entries, write_bundle, write_zip
from edgedf.errors import BundleError, FileError
from tests.bundle_samples import sample_bundle


def _content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_written_bundle_opens_with_the_same_manifest(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    write_bundle(tmp_path / "a.edgedf", manifest, files)
    with open_bundle(tmp_path / "a.edgedf") as bundle:
        assert bundle.manifest == manifest
        assert bundle.goldens().contract == manifest.contract
    assert {p.name for p in tmp_path.iterdir()} == {"a.edgedf"}


def test_two_folders_and_two_zips_are_equal_to_the_byte(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    for name in ("one", "two"):
        write_bundle(tmp_path / name / "x.edgedf", manifest, dict(reversed(files.items())))
        write_zip(tmp_path / name / "x.zip", manifest, files)
        time.sleep(0.01)
    assert _content(tmp_path / "one") == _content(tmp_path / "two")


def test_sha256sum_checks_the_manifest(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    write_bundle(tmp_path / "a.edgedf", manifest, files)
    command = ["sha256sum", "--check", "--strict", "manifest.sha256"]
    assert (
        subprocess.run(command, cwd=tmp_path / "a.edgedf", capture_output=True, check=False).returncode == 0
    )


def test_files_that_differ_from_the_manifest_are_refused(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    with pytest.raises(BundleError, match="differ from what the manifest lists"):
        write_bundle(tmp_path / "a.edgedf", manifest, files | {"extra": b""})
    assert list(tmp_path.iterdir()) == []


def test_an_older_bundle_is_replaced_and_an_unchanged_one_kept(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    path = tmp_path / "a.edgedf"
    write_bundle(path, replace(manifest, name="older"), files)
    write_bundle(path, manifest, files)
    assert open_bundle(path).manifest.name == "sample"
    with pytest.raises(FileError, match="already exists"):
        write_bundle(path, manifest, files, replace=False)
    assert {p.name for p in tmp_path.iterdir()} == {"a.edgedf"}


def test_what_is_not_a_bundle_is_never_replaced(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    photos = tmp_path / "photos.edgedf"
    photos.mkdir()
    (photos / "me.jpg").write_bytes(b"precious")
    file = tmp_path / "file.edgedf"
    file.write_bytes(b"precious")
    link = tmp_path / "link.edgedf"
    link.symlink_to(photos)
    with_note = tmp_path / "note.edgedf"
    write_bundle(with_note, manifest, files)
    (with_note / "notes.txt").write_text("mine", encoding="utf-8")
    before = _content(tmp_path)
    for path, reason in (
        (photos, "not a bundle"),
        (file, "not a bundle"),
        (link, "is a link"),
        (with_note, "notes.txt"),
    ):
        with pytest.raises(FileError, match=reason):
            write_bundle(path, manifest, files)
    assert _content(tmp_path) == before


_SLOW_WRITER = """
import sys, time
from pathlib import Path
from edgedf.bundle import writer
from tests.bundle_samples import sample_bundle
original = writer._write_synced
def slow(path, data):
    original(path, data)
    print(path.name, flush=True)
    time.sleep(0.05)
writer._write_synced = slow
writer.write_bundle(Path(sys.argv[1]), *sample_bundle())
"""


@pytest.mark.parametrize("older", [False, True])
def test_a_killed_write_leaves_the_old_state_and_the_next_one_tidies_up(tmp_path: Path, older: bool) -> None:
    manifest, files = sample_bundle()
    path = tmp_path / "a.edgedf"
    if older:
        write_bundle(path, replace(manifest, name="older"), files)
    command = [sys.executable, "-c", _SLOW_WRITER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    if older:
        assert open_bundle(path).manifest.name == "older"
    else:
        assert not path.exists()
    write_bundle(path, manifest, files)
    assert open_bundle(path).manifest.name == "sample"
    assert {p.name for p in tmp_path.iterdir()} == {"a.edgedf"}


def test_a_running_writer_keeps_its_half_written_folder(tmp_path: Path) -> None:
    """Another process that writes the same bundle at the same time must not sweep ours away."""
    manifest, files = sample_bundle()
    path = tmp_path / "a.edgedf"
    command = [sys.executable, "-c", _SLOW_WRITER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    process.stdout.readline()
    write_bundle(path, manifest, files)
    process.communicate()
    assert process.returncode == 0
    assert open_bundle(path).manifest == manifest
    assert {p.name for p in tmp_path.iterdir()} == {"a.edgedf"}


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("NOT RUN: mounting a small disk needs root")
    try:
        write_bundle(disk / "a.edgedf", manifest, files)
        big = files | {"model.tflite": bytes(800_000)}
        entry = replace(manifest.artifacts[1], files=file_entries({"model.tflite": big["model.tflite"]}))
        large = replace(manifest, artifacts=(manifest.artifacts[0], entry))
        with pytest.raises(FileError, match="No space left"):
            write_bundle(disk / "a.edgedf", large, big)
        assert open_bundle(disk / "a.edgedf").manifest == manifest
        assert {p.name for p in disk.iterdir()} == {"a.edgedf"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_manifest_is_sorted_json_without_time(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    write_bundle(tmp_path / "a.edgedf", manifest, files)
    text = (tmp_path / "a.edgedf" / MANIFEST_NAME).read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert str(tmp_path) not in text
