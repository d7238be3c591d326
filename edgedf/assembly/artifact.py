"""A converted artifact as the manifest lists it, and on disk for as long as a runtime needs to open it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.bundle.writer import file_entries
from edgedf.os_errors import write_error

if TYPE_CHECKING:
    from converters import Artifact


def artifact_entry(artifact: Artifact) -> ArtifactEntry:
    """The manifest's entry, with edgedf's own tolerances for its precision and no parity yet."""
    return ArtifactEntry(
        target=artifact.target,
        precision=artifact.precision,
        path=artifact.path,
        files=file_entries(artifact.files),
        input=artifact.input,
        output=artifact.output,
        tolerances=TOLERANCES[artifact.precision],
        tools=dict(sorted(artifact.tools.items())),
    )


@contextmanager
def on_disk(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A temporary folder with `files` (path -> bytes) in it. Raises FileError if the disk is full."""
    with tempfile.TemporaryDirectory(prefix="edgedf-artifact-") as name:
        folder = Path(name)
        for path, data in files.items():
            try:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
            except OSError as error:
                raise write_error(folder / path, error) from error
        yield folder
