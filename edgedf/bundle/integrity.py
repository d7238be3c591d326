"""What opening a bundle checks: the manifest's checksum, every listed file, and nothing else there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, FileEntry, Manifest
from edgedf.errors import BundleError
from edgedf.files import parse_json, sha256_bytes, sha256_file

MAX_MANIFEST_BYTES = 4 << 20
REBUILD = "copy or build the bundle again"


def checksum_line(manifest: bytes) -> bytes:
    """The content of manifest.sha256: what `sha256sum manifest.json` prints."""
    return f"{sha256_bytes(manifest)}  {MANIFEST_NAME}\n".encode()


def parse_manifest(manifest: bytes, checksum: bytes, *, file: str) -> Manifest:
    """The manifest in its bytes. Raises BundleError if it is not what the checksum says, or breaks a rule."""
    if checksum != checksum_line(manifest):
        raise BundleError(f"is not what {CHECKSUM_NAME} says", file=file, field=MANIFEST_NAME, hint=REBUILD)
    return Manifest.from_json(parse_json(manifest, file=file, error=BundleError), file=file)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle folder, checked against its checksum, other files unread.

    Raises BundleError if the folder is no bundle or the manifest is damaged.
    """
    if not folder.is_dir():
        problem = (
            "is not a bundle (neither a folder nor a .zip file)" if folder.exists() else "no such bundle"
        )
        raise BundleError(problem, file=folder, hint="bundles are written by `edgedf build`")
    parts = []
    for name in (MANIFEST_NAME, CHECKSUM_NAME):
        path = folder / name
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise BundleError("is not a plain file", file=folder, field=name, hint=REBUILD)
            if status.st_size > MAX_MANIFEST_BYTES:
                raise BundleError(f"is larger than {MAX_MANIFEST_BYTES} bytes", file=folder, field=name)
            parts.append(path.read_bytes())
        except FileNotFoundError:
            hint = "bundles are written by `edgedf build`"
            raise BundleError(
                "is missing, so this is no bundle", file=folder, field=name, hint=hint
            ) from None
        except OSError as error:
            raise _unreadable(folder, name, error) from error
    return parse_manifest(parts[0], parts[1], file=str(folder / MANIFEST_NAME))


def verify_folder(folder: Path, manifest: Manifest) -> None:
    """Check every file of a bundle folder. Raises BundleError at the first that is odd.

    Files that are missing, unlisted, linked, special, of another size or of another hash are all refused.
    """
    listed = {entry.path: entry for entry in manifest.files}
    found = set(_files(folder))
    if odd := sorted(found - set(listed) - {MANIFEST_NAME, CHECKSUM_NAME}):
        hint = "remove it; a bundle holds only what its manifest lists"
        raise BundleError("is not listed in the manifest", file=folder, field=odd[0][:200], hint=hint)
    if gone := sorted(set(listed) - found):
        raise BundleError("is missing", file=folder, field=gone[0], hint=REBUILD)
    for entry in listed.values():
        _verify_file(folder, entry)


def read_listed(folder: Path, entry: FileEntry) -> bytes:
    """A listed file's bytes: what is returned is what was hashed, whatever happens to the file meanwhile.

    Raises BundleError if size or sha256 are not the manifest's.
    """
    path = folder / entry.path
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(entry.size + 1) if size == entry.size else b""
    except OSError as error:
        raise _unreadable(folder, entry.path, error) from error
    _check_size(folder, entry, len(data) if size == entry.size else size)
    if sha256_bytes(data) != entry.sha256:
        raise _other_hash(folder, entry)
    return data


def _verify_file(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.path
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(folder, entry.path, error) from error
    _check_size(folder, entry, size)
    if sha256_file(path) != entry.sha256:
        raise _other_hash(folder, entry)


def _check_size(folder: Path, entry: FileEntry, size: int) -> None:
    if size != entry.size:
        problem = f"is {size} bytes, the manifest says {entry.size}: cut short or changed"
        raise BundleError(problem, file=folder, field=entry.path, hint=REBUILD)


def _other_hash(folder: Path, entry: FileEntry) -> BundleError:
    problem = "is not what the manifest says: its sha256 differs"
    return BundleError(problem, file=folder, field=entry.path, hint=REBUILD)


def _files(folder: Path, below: str = "") -> Iterator[str]:
    """Relative POSIX paths of all plain files; links, devices and empty folders are errors."""
    try:
        with os.scandir(folder / below) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, below, error) from error
    if below and not found:
        raise BundleError("is an empty folder", file=folder, field=below, hint="remove it")
    for entry in found:
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_symlink():
            raise BundleError(
                "is a link", file=folder, field=path[:200], hint="a bundle holds plain files only"
            )
        if entry.is_dir(follow_symlinks=False):
            if path.count("/") > 20:
                raise BundleError("folders nest too deep", file=folder, field=path[:200])
            yield from _files(folder, path)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            raise BundleError("is neither a file nor a folder", file=folder, field=path[:200])


def _unreadable(folder: Path, field: str, error: OSError) -> BundleError:
    return BundleError(f"cannot be read ({error.strerror or error})", file=folder, field=field[:200])
