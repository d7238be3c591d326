"""Which precision a model file itself tells: tolerances go by it, so a manifest's word is not enough.

For files that their runtime has opened, but they may still be anybody's: every access is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError
from edgedf.native.model_header import read_header
from edgedf.runtime.artifact_check import read_artifact
from edgedf.runtime.coreml_package import MODEL_PATH, WEIGHTS_PATH
from edgedf.runtime.flatbuffer import FlatbufferError, FlatTable
from edgedf.runtime.mil_reference import DecodeError, decode_model

# A .tflite at float16 keeps weights below this in float32: a DEQUANTIZE costs about 200 bytes of file.
MIN_HALF_ELEMENTS = 256
MIXED = "mixed"
_REBUILD = "build the bundle again"
# schema.fbs, version 3. Operators whose input 1 is the weight; operators that only unpack a weight.
_WEIGHTED = frozenset({3, 4, 9})  # CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED
_UNPACKING = frozenset({6, 124})  # DEQUANTIZE, DENSIFY
_TYPES: Mapping[int, str] = MappingProxyType({0: "float32", 1: "float16", 3: "uint8", 9: "int8"})


def told_precisions(folder: Path, entry: ArtifactEntry) -> tuple[str, ...]:
    """The precisions that an artifact's files tell, "mixed" among them; () where they tell nothing.

    Args:
        folder: the bundle.
    Raises BundleError if a file is damaged or not what the manifest says.
    """
    reader = _READERS.get(entry.target)
    return () if reader is None else reader(folder, entry)


def _native(folder: Path, entry: ArtifactEntry) -> tuple[str, ...]:
    """How the weights of the layers are stored."""
    return (read_header(read_artifact(folder, entry)).precision,)


def _coreml(folder: Path, entry: ArtifactEntry) -> tuple[str, ...]:
    """What the package says, and what its program computes with: the casts at both ends apart."""
    try:
        model = decode_model(
            read_artifact(folder, entry, MODEL_PATH), read_artifact(folder, entry, WEIGHTS_PATH)
        )
    except DecodeError as error:
        raise BundleError(f"damaged: {error}", file=folder / entry.path, hint=_REBUILD) from error
    computed = {
        output.type.dtype
        for step in model.operations
        if step.type != "cast"
        for output in step.outputs
        if output.type.dtype.startswith("float")
    }
    said = model.metadata.get("edgedf.precision")
    return (*_one(computed), *(() if said is None else (said[:20],)))


def _tflite(folder: Path, entry: ArtifactEntry) -> tuple[str, ...]:
    """How the large weights are stored; a network without any looks alike at both precisions."""
    try:
        return _one(_tflite_weights(FlatTable.root(read_artifact(folder, entry))))
    except FlatbufferError as error:
        raise BundleError(f"damaged: {error}", file=folder / entry.path, hint=_REBUILD) from error


def _tflite_weights(model: FlatTable) -> set[str]:
    """The types of all weights of MIN_HALF_ELEMENTS or more.

    Field numbers: Model 1 operator codes, 2 subgraphs, 4 buffers; SubGraph 0 tensors, 3 operators; Operator
    0 code, 1 inputs, 2 outputs; OperatorCode 0 code before 2020, 3 code; Tensor 0 shape, 1 type, 2 buffer.
    """
    codes = [max(code.integer(0, "<b"), code.integer(3, "<i")) for code in model.tables(1)]
    (graph, *_) = model.tables(2) or (model,)
    tensors, buffers = graph.tables(0), model.tables(4)
    weights: list[int] = []
    packed: dict[int, int] = {}
    for operator in graph.tables(3):
        code = _item(codes, operator.integer(0, "<I"))
        inputs, outputs = operator.integers(1, "<i"), operator.integers(2, "<i")
        if code in _WEIGHTED:
            weights.append(_item(inputs, 1))
        elif code in _UNPACKING and outputs:
            packed[outputs[0]] = _item(inputs, 0)
    found = set()
    for weight in weights:
        if math.prod(_item(tensors, weight).integers(0, "<i")) < MIN_HALF_ELEMENTS:
            continue
        for _ in _UNPACKING:
            weight = packed.get(weight, weight)
        tensor = _item(tensors, weight)
        stored = _is_stored(_item(buffers, tensor.integer(2, "<I")))
        found.add(_TYPES.get(tensor.integer(1, "<b"), "another type") if stored else "computed")
    return found


def _is_stored(buffer: FlatTable) -> bool:
    """Whether the file holds the numbers: in the table (0), or after it (1: their place)."""
    return buffer.count(0) > 0 or buffer.integer(1, "<Q") > 1


def _item[T](items: list[T] | tuple[T, ...], index: int) -> T:
    if not 0 <= index < len(items):
        raise FlatbufferError("a number names nothing in the file")
    return items[index]


def _one(found: set[str]) -> tuple[str, ...]:
    return tuple(found) if len(found) < 2 else (MIXED,)


# A .pte tells nothing: XNNPACK packs its weights in a form of its own. edgedf writes float32 alone.
_READERS: Mapping[str, Callable[[Path, ArtifactEntry], tuple[str, ...]]] = MappingProxyType(
    {"native": _native, "coreml": _coreml, "tflite": _tflite}
)
