"""Writes happen whole or not at all; nobody's files are touched; errors name the file."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edgedf import files
from edgedf.errors import FileError
from edgedf.files import (
    new_folder,
    read_bytes,
    sha256_bytes,
    sha256_file,
    write_atomic,
)
from edgedf.os_errors import write_error


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_write_atomic_replaces_and_leaves_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert sha256_file(path) == sha256_bytes(b"two")
    assert names(tmp_path) == ["a.bin"]


def test_write_atomic_writes_through_no_planted_link(tmp_path: Path) -> None:
    """Whatever lies beside the file, under any name that could be guessed, stays as it is."""
    path, mine = tmp_path / "a.bin", tmp_path / "mine"
    mine.write_bytes(b"mine")
    planted = [f".a.bin.{os.getpid()}.tmp", f".a.bin.edgedf-{os.getpid()}.tmp"]
    for name in planted:
        (tmp_path / name).symlink_to(mine)
    write_atomic(path, b"new")
    assert mine.read_bytes() == b"mine"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"
    assert sorted(names(tmp_path)) == sorted(["a.bin", "mine", *planted])


def test_write_atomic_gives_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a.bin", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


def test_write_atomic_from_many_threads_is_always_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    contents = [bytes([number]) * 50_000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: write_atomic(path, data), contents))
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["a.bin"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    """A file-size limit makes the kernel refuse the write for real, as a full disk would."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    code = """
        import resource, signal, sys
        from pathlib import Path
        from edgedf.errors import FileError
        from edgedf.files import write_atomic
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_atomic(Path(sys.argv[1]), bytes(5000))
        except FileError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_no_space_left_gets_a_remedy() -> None:
    error = write_error(Path("x"), OSError(errno.ENOSPC, "No space left on device"))
    assert "free some space" in str(error)


def test_every_refusal_of_the_system_has_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for path, remedy in (
        (tmp_path / "none" / "a", f"make the folder {tmp_path / 'none'} first"),
        (tmp_path / "file" / "a", "a part of the path is a file"),
        (tmp_path / "folder", "it is a folder; name a file"),
    ):
        with pytest.raises(FileError, match="cannot be written") as caught:
            write_atomic(path, b"x")
        assert remedy in (caught.value.hint or "")
    with pytest.raises(FileError, match="cannot be written") as caught, new_folder(tmp_path / "file" / "a"):
        pass
    assert "a part of the path is a file" in (caught.value.hint or "")
    with pytest.raises(FileError, match="cannot be read") as caught:
        read_bytes(tmp_path / "folder")
    assert "name a file" in (caught.value.hint or "")


def test_a_disk_that_cannot_settle_a_rename_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def refuse_folders(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_atomic(tmp_path / "a", b"new")
    with new_folder(tmp_path / "b") as folder:
        (folder / "c").write_bytes(b"new")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b" / "c").read_bytes() == b"new"
    assert sorted(names(tmp_path)) == ["a", "b"]


def test_new_folder_is_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def fail_half_way() -> None:
        with new_folder(target) as folder:
            (folder / "half").write_text("x")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert names(tmp_path) == []
    with new_folder(target) as folder:
        (folder / "whole").write_text("1")
    with pytest.raises(FileError, match="already exists"), new_folder(target):
        pass
    with new_folder(target, replace=True) as folder:
        (folder / "whole").write_text("2")
    assert (target / "whole").read_text() == "2"
    assert names(tmp_path) == ["out"]


def test_new_folder_removes_only_what_edgedf_left(tmp_path: Path) -> None:
    own = (".faces.2023-backup.old", ".faces.notes.tmp", ".faces.k3jz91ab.tmp", ".faces.edgedf.tmp")
    left = (".faces.edgedf-k3jz91ab.tmp", ".faces.edgedf-77.old")
    for name in (*own, *left):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("mine")
    with new_folder(tmp_path / "faces") as folder:
        (folder / "a").write_text("x")
    # The old folder of a killed swap came back first, and was then replaced by nobody: it is in the way.
    assert sorted(names(tmp_path)) == sorted([*own, "faces"])


def test_another_process_that_clears_leftovers_never_takes_a_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a second process does between the making of the folder and its lock."""
    real = tempfile.mkdtemp

    def made_then_cleared(**how: Any) -> str:
        folder = real(**how)
        files._remove_leftovers(tmp_path / "out")
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", made_then_cleared)
    with new_folder(tmp_path / "out") as folder:
        files._remove_leftovers(tmp_path / "out")
        (folder / "a").write_text("x")
    assert names(tmp_path) == ["out"]


def test_new_folder_leaves_errors_of_other_files_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "out"):
        (tmp_path / "none").read_text()
    with pytest.raises(FileError, match="out: cannot be written"), new_folder(tmp_path / "out") as folder:
        (folder / "none" / "a").write_text("x")
    with pytest.raises(FileError, match="out: cannot be written"), new_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_a_killed_writer_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with new_folder(target) as folder:
        (folder / "a").write_text("old")
    code = """
        import sys, time
        from pathlib import Path
        from edgedf.files import new_folder
        with new_folder(Path(sys.argv[1]), replace=True) as folder:
            (folder / "a").write_text("new")
            print("ready", flush=True)
            time.sleep(60)
    """
    arguments = [sys.executable, "-c", textwrap.dedent(code), str(target)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert (target / "a").read_text() == "old"


def test_read_bytes_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_bytes(tmp_path / "none")
    (tmp_path / "big").write_bytes(bytes(11))
    with pytest.raises(FileError, match="larger than"):
        read_bytes(tmp_path / "big", max_bytes=10)
    with pytest.raises(FileError, match="cannot be read"):
        read_bytes(tmp_path)
