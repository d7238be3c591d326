"""A bundle as .zip: what is written opens everywhere, and every trick of an archive is refused."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import write_zip
from edgedf.errors import BundleError
from tests.bundle_samples import sample_bundle


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


def test_a_long_list_of_entries_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Two hundred thousand empty entries: an object each, had the list been read."""
    names = [b"%07x" % number for number in range(200_000)]
    header = struct.Struct("<4sHHHHHHIIIHHHHHII")
    listed = b"".join(header.pack(b"PK\1\2", 20, 20, *[0] * 7, 7, *[0] * 6) + name for name in names)
    path = tmp_path / "a.zip"
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, len(names), len(names), len(listed), 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(listed), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(listed + record + locator + end)
    tracemalloc.start()
    try:
        with pytest.raises(
            BundleError, match="holds a list of 10600000 bytes of its entries, more than 8388608"
        ):
            open_bundle(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", list(_entries().items()), compression=zipfile.ZIP_LZMA)
    with pytest.raises(BundleError, match="other than deflate"):
        open_bundle(path)
