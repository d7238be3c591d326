"""Opening fails closed: every kind of damage to a bundle's folder is refused, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME
from edgedf.bundle.reader import open_bundle
from edgedf.errors import BundleError, FileError


def _cut(folder: Path) -> None:
    path = folder / "model.tflite"
    path.write_bytes(path.read_bytes()[:-1])


def _flip(folder: Path) -> None:
    path = folder / "model.tflite"
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)


def _swap(folder: Path) -> None:
    first, second = folder / "golden/000.crop", folder / "golden/001.crop"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def _link(folder: Path) -> None:
    path = folder / "model.tflite"
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


def _link_folder(folder: Path) -> None:
    path = folder / "golden"
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "field", "reason"),
    [
        (_cut, "model.tflite", "cut short"),
        (_flip, "model.tflite", "sha256 differs"),
        (_swap, "golden/000.crop", "sha256 differs"),
        (_link, "model.tflite", "is a link"),
        (_link_folder, "golden", "is a link"),
        (lambda f: (f / "model.tflite").unlink(), "model.tflite", "is missing"),
        (lambda f: (f / "golden/extra.bin").write_bytes(b""), "golden/extra.bin", "not listed"),
        (lambda f: (f / "empty").mkdir(), "empty", "empty folder"),
        (lambda f: os.mkfifo(f / "pipe"), "pipe", "neither a file nor a folder"),
        (lambda f: (f / MANIFEST_NAME).unlink(), MANIFEST_NAME, "is missing"),
        (lambda f: (f / CHECKSUM_NAME).unlink(), CHECKSUM_NAME, "is missing"),
        (lambda f: (f / MANIFEST_NAME).write_bytes(b"{}"), MANIFEST_NAME, CHECKSUM_NAME),
    ],
)
def test_damaged_folder_is_refused(
    folder: Path, damage: Callable[[Path], object], field: str, reason: str
) -> None:
    damage(folder)
    with pytest.raises(BundleError, match=reason) as caught:
        open_bundle(folder)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda d: bytes([d[0] ^ 1]) + d[1:], "sha256 differs"), (lambda d: d[:-1], "cut short or changed")],
)
def test_a_golden_that_changes_after_opening_is_refused(
    folder: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    with open_bundle(folder) as bundle:
        path = folder / "golden" / "000.crop"
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises(BundleError, match=reason) as caught:
            bundle.goldens()
        assert caught.value.field == "golden/000.crop"


def test_what_is_no_bundle_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle"):
        open_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match="is missing"):
        open_bundle(tmp_path)
    (tmp_path / "text.zip").write_text("hello", encoding="utf-8")
    with pytest.raises(BundleError, match="damaged zip"):
        open_bundle(tmp_path / "text.zip")
    (tmp_path / "cut").write_bytes(b"PK\3\4")
    with pytest.raises(BundleError, match="damaged zip"):
        open_bundle(tmp_path / "cut")
    for name in ("model.edgedfm", "ticket.safetensors", "empty"):
        (tmp_path / name).write_bytes(b"EDFM" if name != "empty" else b"")
        with pytest.raises(BundleError, match="is no bundle: neither a folder"):
            open_bundle(tmp_path / name)


def test_unreadable_folder_is_a_named_error(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("NOT RUN: root reads everything")
    (folder / "golden").chmod(0)
    with pytest.raises((BundleError, FileError)):
        open_bundle(folder)
