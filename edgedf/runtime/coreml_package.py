"""The folder of an .mlpackage: the files that Core ML takes from it, and a copy of them.

Core ML does not look for names it knows: Manifest.json says which file is the model. A package is therefore
taken only if that file, and the weights beside it, are the ones that edgedf reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError, NotRunError
from edgedf.files import parse_json
from edgedf.runtime.artifact_check import read_artifact

MANIFEST_PATH = "Manifest.json"
MODEL_PATH = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS_PATH = "Data/com.apple.CoreML/weights/weight.bin"
_FILES = (MANIFEST_PATH, MODEL_PATH, WEIGHTS_PATH)
_MODEL_ITEM = "com.apple.CoreML/model.mlmodel"
_ITEMS = [_MODEL_ITEM, "com.apple.CoreML/weights"]
_VERSION = "1.0.0"
_HINT = "build the bundle again"


def read_package(folder: Path, entry: ArtifactEntry) -> dict[str, bytes]:
    """Path in the package -> bytes, hashed, of the package's three files.

    Raises BundleError if a file is not what the bundle's manifest lists, there is another one, or the
    package's own Manifest.json names anything else than these files.
    """
    path = folder / entry.path
    known = {f"{entry.path}/{name}" for name in _FILES}
    if odd := sorted({listed.path for listed in entry.files} - known):
        raise BundleError("is no file of a package of edgedf", file=folder, field=odd[0], hint=_HINT)
    files = {name: read_artifact(folder, entry, name) for name in _FILES}
    check_package_manifest(files[MANIFEST_PATH], path)
    return files


def check_package_manifest(data: bytes, path: Path) -> None:
    """Raises BundleError unless Manifest.json of the package at `path` names its model and its weights."""
    file = path / MANIFEST_PATH
    tree = parse_json(data, file=file, error=BundleError)
    keys = {"fileFormatVersion", "itemInfoEntries", "rootModelIdentifier"}
    if not isinstance(tree, dict) or set(tree) != keys or not isinstance(tree["itemInfoEntries"], dict):
        raise BundleError("is not the manifest of a package", file=file, hint=_HINT)
    if tree["fileFormatVersion"] != _VERSION:
        raise BundleError(f"is not {_VERSION}", file=file, field="fileFormatVersion", hint=_HINT)
    items = tree["itemInfoEntries"]
    if not all(_is_item(item) for item in items.values()):
        raise BundleError("holds an item that is none", file=file, field="itemInfoEntries", hint=_HINT)
    if sorted(item["path"] for item in items.values()) != _ITEMS:
        problem = f"names other files than {' and '.join(_ITEMS)}"
        raise BundleError(problem, file=file, field="itemInfoEntries", hint=_HINT)
    root = tree["rootModelIdentifier"]
    if not isinstance(root, str) or items.get(root, {}).get("path") != _MODEL_ITEM:
        raise BundleError(f"is not {_MODEL_ITEM}", file=file, field="rootModelIdentifier", hint=_HINT)


def _is_item(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and set(item) == {"author", "description", "name", "path"}
        and all(isinstance(text, str) for text in item.values())
    )


@contextmanager
def private_copy(files: Mapping[str, bytes], path: Path) -> Iterator[Path]:
    """The package in a folder of this process's own, for as long as the context lasts.

    What is loaded is then what was hashed, and a library that writes into a package writes into the copy.

    Args:
        files: what `read_package` returned.
        path: the package in its bundle, for its name and for errors.
    Raises NotRunError if there is no room for the copy.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="edgedf-coreml-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_copy(path, error) from error
    with folder:
        copy = Path(folder.name) / path.name
        try:
            for name, data in files.items():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes(data)
        except OSError as error:
            raise _no_copy(path, error) from error
        yield copy


def _no_copy(path: Path, error: OSError) -> NotRunError:
    problem = f"cannot be copied to load it ({error.strerror or error})"
    return NotRunError(problem, file=path, hint="set TMPDIR to a folder with room")
