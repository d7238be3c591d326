"""Open a bundle: nothing of it is used before every byte of it is checked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from edgedf.bundle.archive import unpack
from edgedf.bundle.golden import GoldenSet, parse_goldens
from edgedf.bundle.integrity import read_listed, read_manifest, verify_folder
from edgedf.bundle.manifest import ArtifactEntry, Manifest
from edgedf.errors import FileError


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle. Close it (or use `with`) so that an unpacked .zip goes away.

    Attributes:
        path: what was opened, a folder or a .zip file.
        folder: where the files are; equals `path` unless that is a .zip.
        manifest: what the bundle says about itself.
    """

    path: Path
    folder: Path
    manifest: Manifest
    _unpacked: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False, compare=False)

    def artifact(self, target: str) -> ArtifactEntry:
        """The entry for a target. Raises BundleError if the bundle has none."""
        return self.manifest.artifact(target)

    def goldens(self) -> GoldenSet:
        """The golden vectors, read and hashed now. Raises BundleError if they changed or make no sense."""
        files = {entry.path: read_listed(self.folder, entry) for entry in self.manifest.golden}
        return parse_goldens(files, file=str(self.path))

    def close(self) -> None:
        """Remove what was unpacked. Calling it twice is safe."""
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_bundle(path: Path) -> Bundle:
    """Open a bundle folder or .zip file and check all of it.

    Raises BundleError that names the file or field: a damaged, unlisted, missing, linked or resized file,
    a path that leaves the bundle, an unknown format version. Raises FileError if it cannot be read.

    >>> with open_bundle(Path("first.edgedf")) as bundle:  # doctest: +SKIP
    ...     print(bundle.manifest.name)
    """
    if not path.is_file():
        manifest = read_manifest(path)
        verify_folder(path, manifest)
        return Bundle(path, path, manifest)
    try:
        unpacked = tempfile.TemporaryDirectory(prefix="edgedf-")
    except OSError as error:
        raise FileError(f"no room to unpack it ({error.strerror or error})", file=path) from error
    try:
        folder = Path(unpacked.name)
        manifest = unpack(path, folder)
        verify_folder(folder, manifest)
    except BaseException:
        unpacked.cleanup()
        raise
    return Bundle(path, folder, manifest, unpacked)
