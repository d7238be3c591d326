"""A .tflite made to crash LiteRT: its bundle's maker signed it, so only a trial can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.writer import file_entries
from edgedf.errors import BundleError, EdgedfError
from edgedf.runtime import trial
from edgedf.runtime.backend import open_backend
from edgedf.runtime.tflite_backend import FILE_IDENTIFIER, TfliteBackend
from tests.artifact_files import artifact, random_crops, write_artifact

SIZE = 64


def _changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file, written again through LiteRT's own schema."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    change(model)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _inputs_cut(operator: int, place: int) -> Callable[[Any], None]:
    """An operator without one of its inputs: LiteRT takes -1 for one that may be left out, and follows it."""

    def change(model: Any) -> None:
        step = model.subgraphs[0].operators[operator]
        inputs = np.array(step.inputs)
        inputs[place] = -1
        step.inputs = inputs

    return change


def _name(model: Any) -> None:
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].name = b"\xff\xfe"


def _signature(model: Any) -> None:
    model.signatureDefs[0].inputs[0].name = b"\xff\xfe"


def _endless(model: Any) -> None:
    """A window that moves by nothing."""
    for step in model.subgraphs[0].operators:
        if hasattr(step.builtinOptions, "filterWidth"):
            step.builtinOptions.strideW = step.builtinOptions.strideH = 0


CHANGES: dict[str, Callable[[Any], None]] = {
    **{f"input {place} of operator {at}": _inputs_cut(at, place) for at in range(3) for place in range(2)},
    "a name that is no text": _name,
    "a signature that is no text": _signature,
    "a window that stands still": _endless,
}


def _write(folder: Path, data: bytes) -> ArtifactEntry:
    entry = write_artifact(folder, artifact("tflite", "mesonet", SIZE))
    (folder / entry.path).write_bytes(data)
    return replace(entry, files=file_entries({entry.path: data}))


def _use_all(folder: Path) -> None:
    """In a process of its own: a line per change."""
    made = artifact("tflite", "mesonet", SIZE)
    with (folder / "report").open("w") as lines:
        for name, change in CHANGES.items():
            entry = _write(folder, _changed(made.files[made.path], change))
            try:
                with open_backend(folder, entry, foreign=True) as backend:
                    outcome = f"logit {backend.run(random_crops(1, SIZE))[0]:+.4f}"
            except EdgedfError as error:
                outcome = f"{type(error).__name__} {error}"
            print(name, outcome.replace("\n", " "), sep=": ", file=lines, flush=True)


@pytest.mark.slow
def test_what_crashes_litert_is_an_error(tmp_path: Path) -> None:
    process = get_context("spawn").Process(target=_use_all, args=(tmp_path,))
    process.start()
    process.join(300)
    process.kill()
    process.join()
    lines = (tmp_path / "report").read_text().splitlines()
    print("\n".join(lines))
    assert process.exitcode == 0, f"ended by {process.exitcode} after: {lines[-1:]}"
    assert len(lines) == len(CHANGES)
    for line in lines:
        if line.startswith("input"):
            assert "BundleError" in line
            assert "model.tflite: LiteRT" in line
        if "no text" in line:
            assert "LiteRT refuses this file" in line
    assert any("LiteRT crashes on this file hint: do not use it" in line for line in lines)


def test_a_sound_file_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = write_artifact(tmp_path, artifact("tflite", "mesonet", SIZE))
    started: list[list[str]] = []
    start = trial.subprocess.Popen

    def counted(command: list[str], **options: Any) -> Any:
        started.append(command)
        return start(command, **options)

    monkeypatch.setattr(trial.subprocess, "Popen", counted)
    monkeypatch.setattr(trial, "_TRIED", set())
    for foreign in (False, True, True):
        with open_backend(tmp_path, entry, foreign=foreign) as backend:
            assert np.isfinite(backend.run(random_crops(1, SIZE))).all()
    assert [command[3] for command in started] == ["edgedf.runtime.tflite_trial"]
    TfliteBackend.try_first(tmp_path, entry, threads=2)
    assert len(started) == 2


def test_a_file_of_another_hash_is_not_even_tried(tmp_path: Path) -> None:
    entry = write_artifact(tmp_path, artifact("tflite", "mesonet", SIZE))
    path = tmp_path / entry.path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="sha256 differs"):
        TfliteBackend.try_first(tmp_path, entry)
