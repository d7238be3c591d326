"""Write a bundle: whole or not at all, the same bytes each time, and never over something else."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.integrity import checksum_line, read_manifest
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, FileEntry, Manifest
from edgedf.errors import BundleError, FileError
from edgedf.files import canonical_json, new_folder, parse_json, sha256_bytes, write_atomic
from edgedf.os_errors import write_error


def file_entries(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """The manifest's entries for these files, sorted by path."""
    return tuple(
        FileEntry(path=path, sha256=sha256_bytes(data), size=len(data))
        for path, data in sorted(files.items())
    )


def bundle_files(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file of the bundle, manifest and checksum included: path -> bytes.

    Raises BundleError if `files` are not exactly what the manifest lists or the manifest breaks a rule.
    """
    if file_entries(files) != manifest.files:
        raise BundleError("the files differ from what the manifest lists", field="files")
    data = canonical_json(manifest.to_json())
    # What is written is read back by the rules of reading, so that no bundle is born unreadable.
    Manifest.from_json(parse_json(data, file=MANIFEST_NAME, error=BundleError), file=MANIFEST_NAME)
    return dict(files) | {MANIFEST_NAME: data, CHECKSUM_NAME: checksum_line(data)}


def write_bundle(path: Path, manifest: Manifest, files: Mapping[str, bytes], *, replace: bool = True) -> None:
    """Write the bundle folder at `path`.

    A bundle already at `path` is replaced in one step, if `replace`; a killed or failed write leaves it as it
    was. Raises BundleError or FileError if something else than a bundle is at `path`, or the disk is full.
    """
    everything = bundle_files(manifest, files)
    check_replaceable(path, replace=replace)
    with new_folder(path, replace=replace) as folder:
        for name, data in sorted(everything.items()):
            _write_synced(folder / name, data)


def write_zip(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> int:
    """Write the bundle as one .zip file whose entries lie in `<name>.edgedf/`; returns its size in bytes.

    Equal bundles give equal bytes. Raises FileError if the disk is full or `path` is a folder.
    """
    check_zip_replaceable(path)
    top = f"{manifest.name}.edgedf"
    data = zip_bytes({f"{top}/{name}": value for name, value in bundle_files(manifest, files).items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return len(data)


def check_zip_replaceable(path: Path) -> None:
    """Raise FileError unless a .zip may be written at `path`."""
    if path.exists() and not path.is_file():
        raise FileError("exists and is no file", file=path, hint="choose another name with --out")


def check_replaceable(path: Path, *, replace: bool = True) -> None:
    """Raise unless a bundle may be written at `path`: nothing is there, or a bundle without foreign files.

    Raises FileError otherwise: whatever a person put there is worth more than our output.
    """
    hint = "choose another place with --out, or move it away"
    if path.is_symlink():
        raise FileError("is a link, which a bundle does not replace", file=path, hint=hint)
    if not path.exists():
        _check_place(path)
        return
    if not replace:
        raise FileError("already exists", file=path, hint=hint)
    try:
        listed = {entry.path for entry in read_manifest(path).files}
    except BundleError as error:
        problem = f"exists and is not a bundle ({Path(error.file or path).name} {error.problem})"
        raise FileError(problem, file=path, hint=hint) from error
    listed |= {MANIFEST_NAME, CHECKSUM_NAME}
    for folder, _, names in os.walk(path):
        for name in names:
            relative = (Path(folder) / name).relative_to(path).as_posix()
            if relative not in listed:
                problem = f"holds {relative[:200]!r}, which is not part of the bundle there"
                raise FileError(problem, file=path, hint=hint)


def _check_place(path: Path) -> None:
    """Raise FileError now if `path` could not be made later: the build before it takes a minute."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    number = 0
    if not folder.is_dir():
        number = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK):
        number = errno.EACCES
    if number:
        raise write_error(path, OSError(number, os.strerror(number)))


def _write_synced(path: Path, data: bytes) -> None:
    """Write one file and flush it to the disk, so that the later rename cannot outrun the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
