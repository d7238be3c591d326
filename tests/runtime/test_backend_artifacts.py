"""The three backends: one contract for all, and a clear error for every file that is not as it should be."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.writer import file_entries
from edgedf.errors import BundleError, EdgedfError, NotRunError, UsageError
from edgedf.runtime.artifact_check import check_flatbuffer
from edgedf.runtime.backend import open_backend
from edgedf.runtime.coreml_backend import checked_predict, load_core_ml
from edgedf.runtime.coreml_package import read_package
from edgedf.runtime.executorch_backend import check_program_length
from edgedf.runtime.mil_reference import DecodeError, Evaluator, ProgramError, decode_model
from edgedf.runtime.mil_reference.call import UnknownOperationError
from tests.artifact_files import artifact, random_crops, write_artifact

TARGETS = ("executorch", "coreml", "tflite")
FLATBUFFERS = ("executorch", "tflite")
MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def _opened(folder: Path, target: str) -> ArtifactEntry:
    return write_artifact(folder, artifact(target, "mesonet", 128))


def _as_it_is(folder: Path, entry: ArtifactEntry) -> ArtifactEntry:
    """The entry of a bundle that was built with the artifact's files as they are now."""
    data = {listed.path: (folder / listed.path).read_bytes() for listed in entry.files}
    return replace(entry, files=file_entries(data))


@pytest.mark.parametrize("target", TARGETS)
def test_contract_that_every_backend_keeps(
    tmp_path: Path, target: str, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = _opened(tmp_path, target)
    crops = random_crops(5, 128)
    capfd.readouterr()
    with open_backend(tmp_path, entry) as backend:
        assert backend.name == target
        assert backend.runtime
        logits = backend.run(crops)
        assert logits.dtype == np.float32
        assert logits.shape == (5,)
        assert np.array_equal(logits, backend.run(crops))
        assert np.array_equal(logits[::-1], backend.run(np.ascontiguousarray(crops[::-1])))
        assert backend.run(crops[:0]).shape == (0,)
        for bad in (crops.astype(np.float32), crops[:, :64], crops[0]):
            with pytest.raises(UsageError, match="crops"):
                backend.run(bad)
        backend.close()
        backend.close()
        with pytest.raises(UsageError, match="closed"):
            backend.run(crops)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("target", TARGETS)
def test_manifest_that_says_something_else_is_refused(tmp_path: Path, target: str) -> None:
    entry = _opened(tmp_path, target)
    big = tuple(256 if side == 128 else side for side in entry.input.shape)
    wrong = [
        replace(entry, input=replace(entry.input, shape=big)),
        replace(entry, input=replace(entry.input, dtype="uint8")),
        replace(entry, input=replace(entry.input, layout="N1")),
        replace(entry, output=replace(entry.output, shape=(1, 2))),
    ]
    if target != "executorch":  # the one format without tensor names
        wrong.append(replace(entry, input=replace(entry.input, name="image")))
        wrong.append(replace(entry, output=replace(entry.output, name="score")))
    for bad in wrong:
        with pytest.raises(BundleError, match=entry.path):
            open_backend(tmp_path, bad)


@pytest.mark.parametrize("target", FLATBUFFERS)
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "other", "root"])
def test_damaged_flatbuffer_is_refused(tmp_path: Path, target: str, damage: str) -> None:
    entry = _opened(tmp_path, target)
    path = tmp_path / entry.path
    data = path.read_bytes()
    other = artifact("tflite" if target == "executorch" else "executorch", "mesonet", 128)
    path.write_bytes(
        {
            "empty": b"",
            "text": b"this is not a model" * 10,
            "cut": data[: len(data) // 3],
            "other": other.files[other.path],
            "root": struct.pack("<I", len(data) + 4) + data[4:],
        }[damage]
    )
    with pytest.raises(BundleError, match=entry.path):
        open_backend(tmp_path, _as_it_is(tmp_path, entry))


@pytest.mark.parametrize(
    ("target", "name"),
    [("executorch", ""), ("tflite", ""), ("native", ""), ("coreml", MODEL), ("coreml", WEIGHTS)],
)
def test_file_changed_after_the_bundle_was_opened_is_refused(tmp_path: Path, target: str, name: str) -> None:
    """A whole and working model of another ticket: only the hash can tell."""
    entry = _opened(tmp_path, target)
    other = artifact(target, "mesonet", 128, "float16" if target == "native" else "float32")
    data = bytearray(other.files["/".join(filter(None, (other.path, name)))])
    if target != "native":
        data[-1] ^= 1
    (tmp_path / entry.path / name).write_bytes(data)
    with pytest.raises(BundleError, match="manifest says"):
        open_backend(tmp_path, entry)


def test_file_that_the_manifest_does_not_list_is_refused(tmp_path: Path) -> None:
    entry = _opened(tmp_path, "tflite")
    with pytest.raises(BundleError, match="not listed"):
        open_backend(tmp_path, replace(entry, files=()))


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has Core ML")
def test_coremltools_without_core_ml_gives_errors_of_ours(tmp_path: Path) -> None:
    """As on a Mac that refuses a package: a model without a proxy, whose predict raises a bare Exception."""
    import coremltools

    entry = _opened(tmp_path, "coreml")
    path = tmp_path / entry.path
    with pytest.raises(NotRunError, match="no Core ML here"):
        load_core_ml(read_package(tmp_path, entry), path)
    model = coremltools.models.MLModel(str(path))
    with pytest.raises(BundleError, match=r"failed while running it \(Model prediction is only supported"):
        checked_predict(model, path)({"input": np.zeros((1, 3, 128, 128), np.float32)})


@pytest.mark.parametrize("target", TARGETS)
def test_missing_file_is_named(tmp_path: Path, target: str) -> None:
    entry = _opened(tmp_path, target)
    path = tmp_path / entry.path
    (path / MODEL if target == "coreml" else path).unlink()
    with pytest.raises(EdgedfError, match=f"{entry.path}.*No such file"):
        open_backend(tmp_path, entry)


def test_flatbuffer_check_never_reads_outside() -> None:
    generator = np.random.default_rng(0)
    for length in range(200):
        data = bytearray(generator.integers(0, 256, length, dtype=np.uint8).tobytes())
        data[4:8] = b"TFL3"[: max(0, len(data) - 4)]
        data[:4] = struct.pack("<I", int(generator.integers(0, 220)))[: len(data)]
        for check in (
            lambda raw: check_flatbuffer(raw, b"TFL3", Path("x")),
            lambda raw: check_program_length(raw, Path("x")),
        ):
            try:
                check(bytes(data))
            except BundleError:
                continue


def _package() -> tuple[bytes, bytes]:
    made = artifact("coreml", "mesonet", 128)
    return made.files[f"{made.path}/{MODEL}"], made.files[f"{made.path}/{WEIGHTS}"]


@pytest.mark.parametrize("part", [0, 1])
def test_mutated_package_is_a_named_error_or_runs(part: int) -> None:
    """Flipped, cut and swapped bytes: an error of the reader's own kinds, never a crash or a hang."""
    generator = np.random.default_rng(part)
    refused = 0
    for _ in range(400):
        parts = [bytearray(data) for data in _package()]
        target = parts[part]
        match generator.integers(3):
            case 0:
                for at in generator.integers(0, len(target), generator.integers(1, 5)):
                    target[at] = generator.integers(256)
            case 1:
                del target[generator.integers(len(target)) :]
            case _:
                a, b = generator.integers(0, len(target), 2)
                target[a : a + 16], target[b : b + 16] = target[b : b + 16], target[a : a + 16]
        try:
            Evaluator(decode_model(bytes(parts[0]), bytes(parts[1])))
        except (DecodeError, ProgramError, UnknownOperationError):
            refused += 1
    assert refused > 100


def test_unknown_operation_is_not_run(tmp_path: Path) -> None:
    entry = _opened(tmp_path, "coreml")
    path = tmp_path / entry.path / MODEL
    path.write_bytes(path.read_bytes().replace(b"\x0a\x04relu", b"\x0a\x04gelu"))
    with pytest.raises(NotRunError, match="gelu"):
        open_backend(tmp_path, _as_it_is(tmp_path, entry))


def test_weights_that_overflow_give_an_error_not_a_logit(tmp_path: Path) -> None:
    entry = _opened(tmp_path, "coreml")
    path = tmp_path / entry.path / WEIGHTS
    data = bytearray(path.read_bytes())
    # Records of weight.bin follow one another: sentinel, dtype (2 is float32), size, position of the data.
    at, kind = 64, 0
    while kind != 2:
        _, kind, size, start = struct.unpack_from("<IIQQ", data, at)
        at = start + size + -size % 64
    data[start : start + size] = struct.pack("<f", float("nan")) * (size // 4)
    path.write_bytes(data)
    changed = _as_it_is(tmp_path, entry)
    with open_backend(tmp_path, changed) as backend, pytest.raises(BundleError, match="NaN or infinity"):
        backend.run(random_crops(1, 128))


def test_reference_is_labelled(tmp_path: Path) -> None:
    with open_backend(tmp_path, _opened(tmp_path, "coreml")) as backend:
        expected = "Core ML (" if sys.platform == "darwin" else "MIL reference (not Core ML)"
        assert backend.runtime.startswith(expected)
