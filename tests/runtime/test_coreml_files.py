"""The folder of a Core ML package: the reference reads what Core ML would, and leaves its files alone."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgedf.analysis.describe import describe
from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.writer import file_entries
from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.backend import open_backend
from edgedf.runtime.coreml_backend import load_core_ml
from edgedf.runtime.coreml_package import MODEL_PATH, private_copy, read_package
from tests.artifact_files import artifact, write_artifact


def _signed(folder: Path, entry: ArtifactEntry) -> ArtifactEntry:
    """The entry of a bundle whose maker signed the package's files as they are now."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return replace(entry, files=file_entries(found))


def _package_manifest(text: str, kind: str) -> bytes:
    tree = json.loads(text)
    entries, root = tree["itemInfoEntries"], tree["rootModelIdentifier"]
    other = next(key for key in entries if key != root)
    match kind:
        case "another model":
            entries[root]["path"] = "com.apple.CoreML/real.mlmodel"
        case "weights as the model":
            tree["rootModelIdentifier"] = other
        case "no such model":
            tree["rootModelIdentifier"] = "gone"
        case "a model that is a list":
            tree["rootModelIdentifier"] = [root]
        case "a third item":
            entries["third"] = dict(entries[root])
        case "one item":
            del entries[other]
        case "an item that is a text":
            entries[other] = "com.apple.CoreML/weights"
        case "another version":
            tree["fileFormatVersion"] = "2.0.0"
        case "another key":
            tree["more"] = 1
        case "a list":
            tree = [tree]
        case "no JSON":
            return b"{"
        case "one key twice":
            return text.replace("{", '{"rootModelIdentifier": "gone",', 1).encode()
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    "kind",
    [
        "another model",
        "weights as the model",
        "no such model",
        "a model that is a list",
        "a third item",
        "one item",
        "an item that is a text",
        "another version",
        "another key",
        "a list",
        "no JSON",
        "one key twice",
    ],
)
def test_a_package_that_names_another_model_is_refused(tmp_path: Path, kind: str) -> None:
    entry = write_artifact(tmp_path, artifact("coreml", "mesonet", 64))
    path = tmp_path / entry.path / "Manifest.json"
    path.write_bytes(_package_manifest(path.read_text(), kind))
    with pytest.raises(BundleError, match=r"Manifest\.json.*"):
        open_backend(tmp_path, _signed(tmp_path, entry))
    with pytest.raises(BundleError, match=r"Manifest\.json.*"):
        describe(tmp_path / entry.path)


@pytest.mark.parametrize("name", ["Data/com.apple.CoreML/real.mlmodel", "Data/other.bin", "x"])
def test_a_package_with_a_file_more_is_refused(tmp_path: Path, name: str) -> None:
    """A decoy lies beside the model that the reference reads."""
    entry = write_artifact(tmp_path, artifact("coreml", "mesonet", 64))
    (tmp_path / entry.path / name).write_bytes((tmp_path / entry.path / MODEL_PATH).read_bytes())
    with pytest.raises(BundleError, match=f"{name}: is no file of a package"):
        open_backend(tmp_path, _signed(tmp_path, entry))


def test_manifest_of_an_older_edgedf_is_taken(tmp_path: Path) -> None:
    """Another spelling of the same package."""
    entry = write_artifact(tmp_path, artifact("coreml", "mesonet", 64))
    path = tmp_path / entry.path / "Manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    with open_backend(tmp_path, _signed(tmp_path, entry)) as backend:
        assert np.isfinite(backend.run(np.zeros((1, 64, 64, 3), np.uint8))).all()


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_copy_holds_the_hashed_bytes_and_goes_away(tmp_path: Path) -> None:
    entry = write_artifact(tmp_path, artifact("coreml", "mesonet", 64))
    package = tmp_path / entry.path
    files = read_package(tmp_path, entry)
    with private_copy(files, package) as copy:
        assert copy.suffix == ".mlpackage"
        assert copy.parent != package.parent
        assert _contents(copy) == _contents(package) == files
        assert copy.parent.stat().st_mode & 0o077 == 0
        (copy / "Manifest.json").write_text("changed by a library")
    assert not copy.parent.exists()
    assert _contents(package) == files
    with pytest.raises(RuntimeError), private_copy(files, package) as copy:
        raise RuntimeError
    assert not copy.parent.exists()


def test_no_room_for_the_copy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("coremltools")  # its first import makes that folder
    entry = write_artifact(tmp_path, artifact("coreml", "mesonet", 64))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(NotRunError, match=r"cannot be copied to load it .*\nhint: set TMPDIR"):
        load_core_ml(read_package(tmp_path, entry), tmp_path / entry.path)


@pytest.mark.slow
def test_opening_a_package_in_coremltools_changes_no_file_of_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """coremltools writes Manifest.json again whenever it opens a package, in a spelling of its own."""
    coremltools = pytest.importorskip("coremltools")
    made = artifact("coreml", "mesonet", 64)
    entry = write_artifact(tmp_path / "bundle", made)
    package = tmp_path / "bundle" / entry.path
    for _ in range(2):
        coremltools.models.MLModel(str(package), skip_model_load=True)
        assert _contents(tmp_path / "bundle") == dict(made.files)

    manifest = package / "Manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()), indent=2))
    before, scratch = _contents(tmp_path / "bundle"), tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    files = read_package(tmp_path / "bundle", _signed(tmp_path / "bundle", entry))
    if sys.platform == "darwin":
        assert load_core_ml(files, package) is not None
    else:
        with pytest.raises(NotRunError, match="no Core ML here"):
            load_core_ml(files, package)
    assert _contents(tmp_path / "bundle") == before
    assert not list(scratch.glob("edgedf-*"))
    coremltools.models.MLModel(str(package), skip_model_load=True)
    assert _contents(tmp_path / "bundle") != before  # the library does write, or nothing was tested
