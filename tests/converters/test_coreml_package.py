"""The .mlpackage that edgedf writes, held to coremltools: its reader, its writer, its weight file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.mil_encode import encode_model
from edgedf.runtime.mil_reference import Evaluator, decode_model
from edgedf.runtime.mil_reference.blob import BlobWriter
from edgedf.runtime.mil_reference.program import Model, Value
from tests.artifact_files import artifact, sample, write_artifact

PARTS = ("Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin")


def _parts(arch: str, size: int, precision: str = "float32") -> tuple[bytes, bytes]:
    made = artifact("coreml", arch, size, precision)
    return made.files[f"{made.path}/{PARTS[0]}"], made.files[f"{made.path}/{PARTS[1]}"]


@pytest.fixture(scope="module")
def coremltools() -> Any:
    return pytest.importorskip("coremltools")


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_weights_are_sparse_and_smaller_than_dense(precision: str) -> None:
    model = decode_model(*_parts("mesonet", 128, precision))
    kinds = [step.type for step in model.operations]
    assert kinds.count("constexpr_sparse_to_dense") >= 4
    _, compacted = sample("mesonet", 128)
    from edgedf.compact.graph import Conv2d, Linear

    dense = sum(
        4 * (op.weight_oihw if isinstance(op, Conv2d) else op.weight_oi).size
        for op in (node.op for node in compacted.graph.nodes)
        if isinstance(op, Conv2d | Linear)
    )
    assert len(_parts("mesonet", 128, precision)[1]) < 0.4 * dense


def test_dense_ticket_is_stored_dense() -> None:
    from converters import Options, convert

    ticket, compacted = sample("mesonet", 128, 0.0)
    made = convert("coreml", compacted.module, ticket.contract, Options())
    model = decode_model(*(made.files[f"{made.path}/{part}"] for part in PARTS))
    assert "constexpr_sparse_to_dense" not in {step.type for step in model.operations}


def test_what_an_ios_developer_reads() -> None:
    model = decode_model(*_parts("mesonet", 128))
    assert (model.specification_version, model.opset) == (7, "CoreML6")
    assert [feature.name for feature in model.inputs] == ["input"]
    assert [feature.name for feature in model.outputs] == ["logit"]
    assert model.author == "edgedf"
    assert "128 x 128" in model.inputs[0].description
    assert model.metadata["edgedf.ticket_sha256"] == "ab" * 32
    ticket, _ = sample("mesonet", 128)
    assert json.loads(model.metadata["edgedf.contract"]) == ticket.contract.to_json()
    assert model.metadata["edgedf.contract_sha256"] == ticket.contract.sha256


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("resnet18", 64)])
def test_reading_and_writing_again_gives_the_same_bytes(arch: str, size: int, precision: str) -> None:
    parts = _parts(arch, size, precision)
    assert encode_model(decode_model(*parts)) == parts


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_coremltools_reads_the_same_program(coremltools: Any, tmp_path: Path, precision: str) -> None:
    """coremltools rebuilds every operation with its own type inference, and finds our shapes and weights."""
    from coremltools.converters.mil.frontend.milproto.load import load

    made = artifact("coreml", "mesonet", 128, precision)
    write_artifact(tmp_path, made)
    spec = coremltools.models.utils.load_spec(str(tmp_path / made.path))
    weights = tmp_path / made.path / "Data/com.apple.CoreML/weights"
    program = load(
        model_spec=spec,
        specification_version=spec.specificationVersion,
        file_weights_dir=str(weights),
    )
    theirs = {op.outputs[0].name: op for op in program.functions["main"].operations}
    for step in decode_model(*_parts("mesonet", 128, precision)).operations:
        if step.type == "const":
            continue
        output = step.outputs[0]
        operation = theirs[output.name]
        assert operation.op_type == step.type
        assert tuple(operation.outputs[0].shape) == output.type.shape
        if step.type == "constexpr_sparse_to_dense":
            dense = operation.materialized_val_inference()
            assert np.array_equal(dense != 0, _dense(step) != 0)
            assert np.array_equal(dense, _dense(step))


def _dense(step: Any) -> Any:
    from edgedf.runtime.mil_reference.call import Call
    from edgedf.runtime.mil_reference.ops import constexpr_sparse_to_dense

    return constexpr_sparse_to_dense(Call(step, {name: v.data for name, v in step.attributes.items()}))


@pytest.mark.slow
def test_coremltools_writes_the_same_message(coremltools: Any, tmp_path: Path) -> None:
    """coremltools reads our package and writes it again: operations and weights come out the same."""
    from coremltools.converters.mil.frontend.milproto.load import load

    made = artifact("coreml", "mesonet", 128)
    write_artifact(tmp_path, made)
    spec = coremltools.models.utils.load_spec(str(tmp_path / made.path))
    program = load(
        model_spec=spec,
        specification_version=spec.specificationVersion,
        file_weights_dir=str(tmp_path / made.path / "Data/com.apple.CoreML/weights"),
    )
    again = coremltools.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
        pass_pipeline=coremltools.PassPipeline.EMPTY,
        skip_model_load=True,
    )
    again.save(str(tmp_path / "again.mlpackage"))
    theirs = tmp_path / "again.mlpackage"
    parts = [(theirs / part).read_bytes() for part in PARTS]
    assert _meaning(decode_model(*parts)) == _meaning(decode_model(*_parts("mesonet", 128)))
    Evaluator(decode_model(*parts))


def _meaning(model: Model) -> list[Any]:
    """Every operation but constants, with its constants in place, so that order and names do not count."""
    constants = {
        step.outputs[0].name: step.attributes["val"] for step in model.operations if step.type == "const"
    }

    def plain(value: Value) -> Any:
        data = value.data
        return (value.type, data if isinstance(data, str) else data.tobytes())

    steps: list[Any] = []
    for step in model.operations:
        if step.type == "const":
            continue
        inputs = {
            name: [plain(constants[b]) if isinstance(b, str) and b in constants else b for b in bindings]
            for name, bindings in step.inputs.items()
        }
        attributes = {name: plain(v) for name, v in step.attributes.items() if name != "name"}
        steps.append((step.type, sorted(inputs.items()), sorted(attributes.items()), step.outputs))
    return [steps, model.results, [f.name for f in model.inputs], [f.type for f in model.outputs]]


@pytest.mark.slow
@pytest.mark.usefixtures("coremltools")
def test_weight_file_equals_apples_writer(tmp_path: Path) -> None:
    from coremltools.libmilstoragepython import _BlobStorageWriter

    generator = np.random.default_rng(0)
    arrays = [
        generator.normal(size=43).astype(np.float32),
        generator.integers(0, 256, 27).astype(np.uint8),
        generator.normal(size=64).astype(np.float16),
        generator.normal(size=11).astype(np.float32),
    ]
    ours, path = BlobWriter(), tmp_path / "weight.bin"
    writer = _BlobStorageWriter(str(path))
    for array in arrays:
        if array.dtype == np.float16:
            theirs = writer.write_fp16_data(np.frombuffer(array.tobytes(), np.uint16))
        elif array.dtype == np.float32:
            theirs = writer.write_float_data(array)
        else:
            theirs = writer.write_uint8_data(array)
        assert ours.add(array) == theirs
    del writer
    mine, other = ours.data(), path.read_bytes()
    # Apple's writer leaves out the padding after the last blob; it holds nothing.
    assert mine[: len(other)] == other
    assert not any(mine[len(other) :])


def test_package_manifest_names_both_items() -> None:
    made = artifact("coreml", "mesonet", 128)
    manifest = json.loads(made.files[f"{made.path}/Manifest.json"])
    entries = manifest["itemInfoEntries"]
    assert {entry["path"] for entry in entries.values()} == {
        "com.apple.CoreML/model.mlmodel",
        "com.apple.CoreML/weights",
    }
    assert entries[manifest["rootModelIdentifier"]]["name"] == "model.mlmodel"
