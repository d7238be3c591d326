"""Bundles as .zip files: written the same way every time, unpacked with suspicion."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from edgedf.bundle.integrity import MAX_MANIFEST_BYTES, REBUILD, parse_manifest
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, Manifest
from edgedf.bundle.paths import clash, path_problem
from edgedf.errors import BundleError
from edgedf.files import open_regular
from edgedf.os_errors import read_error, write_error

# The earliest date a zip can hold: the same bytes whenever it is written.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_ENTRIES = 20_000
WANTED = "give the folder NAME.edgedf that `edgedf build` writes, or its .zip"
# zipfile reads the list of entries in one piece and makes an object of each before one can count them.
# _MAX_ENTRIES with names as long as a bundle may have take 6 MiB; nothing else is read in larger pieces.
_MAX_READ = 8 << 20
# Real bundles shrink to a tenth or so. Beyond this ratio a large archive is a trap, not a bundle.
_MAX_RATIO = 200
_RATIO_FROM = 64 << 20
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError)


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of `files`, sorted by path: equal files and zlib give equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[path], compresslevel=9)
    return stream.getvalue()


class _ZipStream(io.BufferedReader):
    """A file whose directory is looked at before it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_READ:
            problem = f"holds a list of {size} bytes of its entries, more than {_MAX_READ}"
            raise BundleError(problem, file=self.name, hint="this is no real bundle")
        return super().read(size)


def unpack(path: Path, folder: Path) -> Manifest:
    """Unpack the zipped bundle at `path` into the empty `folder`; returns its manifest.

    The bundle's files are at the archive's top or all in one folder there. Sizes are held to what the
    manifest lists; hashes are left to `verify_folder`. Raises BundleError that names the entry.
    """
    try:
        with _ZipStream(open_regular(path).detach()) as stream, zipfile.ZipFile(stream) as archive:
            entries = _entries(archive, path)
            prefix = _prefix(entries, path)
            parts = [_small(archive, entries, prefix + name, path) for name in (MANIFEST_NAME, CHECKSUM_NAME)]
            manifest = parse_manifest(parts[0], parts[1], file=f"{path}: {MANIFEST_NAME}")
            _compare(entries, prefix, manifest, path)
            for name, data in zip((MANIFEST_NAME, CHECKSUM_NAME), parts, strict=True):
                _write(folder / name, io.BytesIO(data), len(data), path, name)
            for entry in manifest.files:
                with archive.open(entries[prefix + entry.path]) as source:
                    _write(folder / entry.path, source, entry.size, path, entry.path)
            return manifest
    except _BAD_ZIP as error:
        if path.suffix != ".zip" and not _looks_zipped(path):
            raise BundleError(
                "is no bundle: neither a folder nor a .zip file", file=path, hint=WANTED
            ) from error
        problem = f"damaged zip file ({str(error)[:200]})"
        raise BundleError(problem, file=path, hint=REBUILD) from error
    except OSError as error:
        raise read_error(path, error) from error


def _looks_zipped(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The archive's files by name: no duplicates, links, encryption or unknown compression."""
    infos = archive.infolist()
    if len(infos) > _MAX_ENTRIES:
        raise BundleError(f"holds {len(infos)} entries, more than {_MAX_ENTRIES}", file=path)
    result: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.endswith("/") and info.file_size == 0:
            continue  # a folder of its own: other tools write them, and they carry nothing
        problem = path_problem(name)
        if name in result:
            problem = "is in the archive twice"
        elif kind not in (0, stat.S_IFREG):
            problem = "is a link or a special file"
        elif info.flag_bits & 1:
            problem = "is encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problem = "is compressed in a way other than deflate"
        if problem:
            raise BundleError(problem, file=path, field=name[:200], hint="zip the bundle folder again")
        result[name] = info
    if pair := clash(result):
        raise BundleError(f"and {pair[1]!r} cannot live side by side", file=path, field=pair[0])
    total, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    if total > _RATIO_FROM and total > _MAX_RATIO * max(packed, 1):
        raise BundleError(f"would unpack {packed} bytes to {total}", file=path, hint="this is no real bundle")
    return result


def _prefix(entries: Mapping[str, zipfile.ZipInfo], path: Path) -> str:
    """ "" or "NAME/": where in the archive the bundle is."""
    if MANIFEST_NAME in entries:
        return ""
    tops = sorted({name.partition("/")[0] for name in entries})
    if len(tops) == 1 and f"{tops[0]}/{MANIFEST_NAME}" in entries:
        return f"{tops[0]}/"
    raise BundleError(f"holds no {MANIFEST_NAME}, or more than the bundle", file=path, hint=REBUILD)


def _small(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], name: str, path: Path) -> bytes:
    if name not in entries:
        raise BundleError("is missing", file=path, field=name, hint=REBUILD)
    with archive.open(entries[name]) as stream:
        data = stream.read(MAX_MANIFEST_BYTES + 1)
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"is larger than {MAX_MANIFEST_BYTES} bytes", file=path, field=name)
    return data


def _compare(entries: Mapping[str, zipfile.ZipInfo], prefix: str, manifest: Manifest, path: Path) -> None:
    """Exactly the listed files, each of the listed size."""
    listed = {prefix + entry.path: entry.size for entry in manifest.files}
    extra = set(entries) - set(listed) - {prefix + MANIFEST_NAME, prefix + CHECKSUM_NAME}
    if extra:
        raise BundleError("is not listed in the manifest", file=path, field=min(extra)[:200])
    for name, size in listed.items():
        if name not in entries:
            raise BundleError("is missing", file=path, field=name, hint=REBUILD)
        if entries[name].file_size != size:
            problem = f"is {entries[name].file_size} bytes, the manifest says {size}"
            raise BundleError(problem, file=path, field=name, hint=REBUILD)


def _write(target: Path, source: IO[bytes], size: int, path: Path, name: str) -> None:
    """Copy `size` bytes; more or fewer are an error, whatever the archive's directory claimed."""
    left = size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        output = target.open("xb")
    except OSError as error:
        raise write_error(target, error) from error
    with output:
        while chunk := source.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                break
            try:
                output.write(chunk)
                output.flush()
            except OSError as error:
                raise write_error(target, error) from error
    if left:
        raise BundleError(
            "unpacks to another size than the manifest says", file=path, field=name, hint=REBUILD
        )
