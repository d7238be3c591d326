"""Opening fails closed: every kind of damage and trickery is refused, by name."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import write_bundle, write_zip
from edgedf.errors import BundleError, FileError
from tests.bundle_samples import sample_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a.edgedf"
    write_bundle(path, *sample_bundle())
    return path


def _rewrite(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest and make its checksum right again, as a determined person would."""
    tree = json.loads((folder / MANIFEST_NAME).read_bytes())
    edit(tree)
    data = json.dumps(tree).encode()
    (folder / MANIFEST_NAME).write_bytes(data)
    (folder / CHECKSUM_NAME).write_bytes(checksum_line(data))


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


def _path(value: str) -> Callable[[dict[str, Any]], None]:
    def edit(tree: dict[str, Any]) -> None:
        tree["artifacts"][1]["files"][0]["path"] = value

    return edit


def _set(*keys: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(tree: Any) -> None:
        for key in keys[:-1]:
            tree = tree[key]
        tree[keys[-1]] = to

    return edit


def _parity(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    return _set("artifacts", 0, "parity", *keys, to=to)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_path("../model.tflite"), "leaves the bundle"),
        (_path("/etc/passwd"), "plain relative path"),
        (_path("C:/model.tflite"), "holds characters"),
        (_path("golden\\000.crop"), "holds characters"),
        (_path("model.tflite."), "Windows"),
        (_path("NUL.tflite"), "Windows"),
        (_path("MODEL.MLPACKAGE"), "side by side"),
        (_path("manifest.JSON"), "side by side"),
        (_path("model.mlpackage/Manifest.json/x"), "side by side"),
        (_path("golden/000.crop"), "side by side"),
        (_path("golden/evil"), "is not at"),
        (_path("mödel.tflite"), "holds characters"),
        (_set("format_version", to=2), "this edgedf reads version 1"),
        (_set("format_version", to=True), "this edgedf reads version 1"),
        (_set("format_version", to=1.0), "this edgedf reads version 1"),
        (_set("arch", to="mesonet\x1b[2J"), "cannot be printed"),
        (_set("arch_args", to={"size": "\x1b"}), "printable"),
        (_set("lineage", to={"a": "\x1b[31m"}), "printable"),
        (_parity("outcome", to="fail"), "expected pass or not_run"),
        (_parity("outcome", to="not_run"), "its checks say otherwise"),
        (_parity("outcome", to=None), "expected pass or not_run"),
        (_parity("surprise", to=1), "parity.surprise.*unknown field"),
        (_parity("runtime", to="\x1b"), "cannot be printed"),
        (_parity("runtime", to="x" * 501), "at most 500"),
        (_parity("checks", "values", to="fail"), "expected pass or not_run"),
        (_parity("checks", "auc", to="not_run"), "its checks say otherwise"),
        (_parity("checks", "luck", to="pass"), "is no check"),
        (_parity("metrics", to=None), "where the check of values ran"),
        (_parity("metrics", to={}), "missing field"),
        (_parity("metrics", "max_logit_error", to="small"), "expected a number"),
        (_parity("metrics", "max_logit_error", to=-1), "expected a number"),
        (_parity("metrics", "max_logit_error", to=2e-4), "more than the 0.0001"),
        (_parity("metrics", "rms_logit_error", to=True), "expected a number"),
        (_parity("metrics", "golden_flips", to=21), r"expected an integer in 0\.\.20"),
        (_parity("metrics", "golden_flips", to=4), "flips is 0.00952, more than the 0.001"),
        (_parity("metrics", "goldens", to=1.0), "expected an integer"),
        (_parity("metrics", "evaluation_flips", to=None), "where crops are"),
        (_parity("metrics", "auc_change", to=-0.01), "auc_drop is 0.01"),
        (_parity("metrics", "auc_change", to=-2), "expected a number in -1..1"),
        (_set("artifacts", 0, "tools", to={"\x1b": "1"}), "printable"),
        (_set("artifacts", 0, "tolerances", "flips", to=2), "is 2, expected a number in 0..1"),
        (
            _set("artifacts", 0, "tolerances", "max_logit_error", to=1),
            r"artifacts\[0\].tolerances.max_logit_error: is 1, looser than the 0.0001 that float32",
        ),
        (_set("artifacts", 0, "tolerances", "flips", to=0.0011), "tolerances.flips: is 0.0011, looser"),
        (_set("artifacts", 0, "tolerances", "auc_drop", to=0.01), "tolerances.auc_drop: is 0.01, looser"),
        (_set("name", to="../x"), "plain name"),
        (_set("artifacts", 1, "target", to="coreml"), "twice"),
        (_set("artifacts", 1, "files", to=[]), "is empty"),
        (_set("artifacts", 1, "files", 0, "size", to=1 << 30), "larger than 1073741824 bytes"),
        (_set("contract", "threshold", to=2), "threshold"),
        (_set("golden", 0, "sha256", to="AB" * 32), "sha256"),
        (_set("golden", 0, "size", to=1 << 29), "larger than 268435456 bytes"),
        (_set("artifacts", 0, "input", "shape", to=[]), "is not 1..4 sides"),
        (_set("artifacts", 0, "input", "shape", to=[1, 3, True, 1]), "expected an integer"),
        (_set("artifacts", 0, "target", to=["coreml"]), "expected executorch or"),
        (_set("surprise", to=1), "unknown field"),
    ],
)
def test_hostile_manifest_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], None], reason: str
) -> None:
    _rewrite(folder, edit)
    with pytest.raises(BundleError, match=reason):
        open_bundle(folder)


def test_tolerances_tighter_than_edgedfs_are_kept(folder: Path) -> None:
    _rewrite(folder, _set("artifacts", 0, "tolerances", "max_logit_error", to=1e-5))
    with open_bundle(folder) as bundle:
        assert bundle.manifest.artifacts[0].tolerances.max_logit_error == 1e-5


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


# ---- zip archives


def _entries() -> dict[str, bytes]:
    manifest, files = sample_bundle()
    from edgedf.bundle.writer import bundle_files

    return bundle_files(manifest, files)


def _zip(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]], **options: Any) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of duplicate names, which is what we want
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("top", ["", "a.edgedf/"])
def test_zip_opens_and_goes_away(tmp_path: Path, top: str) -> None:
    path = _zip(tmp_path / "a.zip", [(top + n, d) for n, d in _entries().items()])
    with open_bundle(path) as bundle:
        assert bundle.manifest == sample_bundle()[0]
        assert bundle.goldens().pictures
        unpacked = bundle.folder
    assert not unpacked.exists()
    bundle.close()


def test_written_zip_opens_and_tools_unpack_it(tmp_path: Path) -> None:
    manifest, files = sample_bundle()
    size = write_zip(tmp_path / "b.zip", manifest, files)
    assert size == (tmp_path / "b.zip").stat().st_size
    with open_bundle(tmp_path / "b.zip") as bundle:
        assert bundle.manifest == manifest
    shutil.unpack_archive(tmp_path / "b.zip", tmp_path / "out")
    assert open_bundle(tmp_path / "out" / "sample.edgedf").manifest == manifest


def _linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ([("model.tflite", b"other")], "twice"),
        ([("MODEL.TFLITE", b"other")], "side by side"),
        ([("../evil", b"")], "leaves the bundle"),
        ([("/evil", b"")], "plain relative path"),
        ([("unlisted", b"")], "not listed"),
        ([(_linked("link"), b"/etc/passwd")], "link"),
        ([("__MACOSX/._model", b"")], "not listed"),
    ],
)
def test_hostile_zip_is_refused(
    tmp_path: Path, extra: list[tuple[str | zipfile.ZipInfo, bytes]], reason: str
) -> None:
    path = _zip(tmp_path / "a.zip", [*_entries().items(), *extra])
    with pytest.raises(BundleError, match=reason):
        open_bundle(path)


def test_zip_bombs_are_refused_before_they_unpack(tmp_path: Path) -> None:
    entries = _entries() | {"model.tflite": bytes(300 << 20)}
    bomb = _zip(tmp_path / "a.zip", list(entries.items()), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleError, match="would unpack"):
        open_bundle(bomb)
    lie = io.BytesIO(_zip(tmp_path / "b.zip", list(_entries().items())).read_bytes())
    data = lie.getvalue().replace((768).to_bytes(4, "little"), (767).to_bytes(4, "little"))
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(BundleError, match="767 bytes, the manifest says 768"):
        open_bundle(tmp_path / "b.zip")


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", list(_entries().items()), compression=zipfile.ZIP_LZMA)
    with pytest.raises(BundleError, match="other than deflate"):
        open_bundle(path)


def test_unreadable_folder_is_a_named_error(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("NOT RUN: root reads everything")
    (folder / "golden").chmod(0)
    with pytest.raises((BundleError, FileError)):
        open_bundle(folder)
