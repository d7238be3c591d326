"""A TensorFlow Lite file: its tensors and operators. Source of field numbers: schema.fbs, version 3."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgedf.analysis.describe.description import Description, Table
from edgedf.analysis.describe.files import artifact_facts
from edgedf.bundle.manifest_reader import MAX_BUNDLE_BYTES
from edgedf.errors import BundleError
from edgedf.files import read_bytes
from edgedf.runtime.flatbuffer import FlatbufferError, FlatTable

_TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
# Operators that edgedf's networks can turn into; any other prints as its number.
_OPERATORS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    43: "SQUEEZE",
    53: "CAST",
    55: "MAXIMUM",
    60: "PADV2",
    98: "LEAKY_RELU",
    114: "QUANTIZE",
    124: "DENSIFY",
}


def describe_tflite(path: Path) -> Description:
    """The .tflite file at `path`. Raises BundleError if it is damaged."""
    data = read_bytes(path, max_bytes=MAX_BUNDLE_BYTES)
    try:
        return _describe(path, data)
    except FlatbufferError as error:
        hint = "build the bundle again"
        raise BundleError(f"damaged TensorFlow Lite file ({error})", file=path, hint=hint) from error


def _describe(path: Path, data: bytes) -> Description:
    model = FlatTable.root(data)
    graphs = model.tables(2)
    if not graphs:
        raise FlatbufferError("it holds no graph")
    graph, tensors = graphs[0], graphs[0].tables(0)
    names = [_operator(code) for code in model.tables(1)]
    counted: Counter[str] = Counter()
    for operator in graph.tables(3):
        index = operator.integer(0, "<I")
        if index >= len(names):
            raise FlatbufferError("an operator has no code")
        counted[names[index]] += 1
    buffers = model.tables(4)
    facts = artifact_facts(path, {path.name: data}) | {
        "schema_version": model.integer(0, "<I"),
        "inputs": [_tensor(tensors, index) for index in graph.integers(1, "<i")],
        "outputs": [_tensor(tensors, index) for index in graph.integers(2, "<i")],
        "tensors": len(tensors),
        "sparse_tensors": sum(tensor.table(6) is not None for tensor in tensors),
        "weight_bytes": sum(buffer.count(0) for buffer in buffers),
        "metadata": [entry.text(0) for entry in model.tables(6)],
    }
    operators = Table(
        title="operators", columns=("operator", "count"), rows=tuple(counted.most_common()), right=("count",)
    )
    return Description(kind="tflite artifact", facts=facts, tables=(operators,))


def _operator(code: FlatTable) -> str:
    # Codes above 127 only fit the newer field; older files only have the older one.
    number = max(code.integer(0, "<b"), code.integer(3, "<i"))
    return _OPERATORS.get(number, f"operator {number}")


def _tensor(tensors: list[FlatTable], index: int) -> str:
    """ "input float32 1x256x256x3"."""
    if not 0 <= index < len(tensors):
        raise FlatbufferError("a graph input or output does not exist")
    tensor = tensors[index]
    shape = "x".join(str(side) for side in tensor.integers(0, "<i"))
    kind = tensor.integer(1, "<b")
    return f"{tensor.text(3)} {_TYPES.get(kind, f'type {kind}')} {shape}"
