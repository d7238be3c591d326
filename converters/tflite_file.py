"""The finish of a .tflite file, through LiteRT's flatbuffer schema: metadata, names, and float16 weights.

onnx2tf marks its models with "reduced_precision_support", which lets a phone compute a float32 model in
float16 without a word. The mark is removed here: precision is the user's choice, and parity measures it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import ConvertError
from edgedf.runtime.stored_precision import MIN_HALF_ELEMENTS

FILE_IDENTIFIER = b"TFL3"
METADATA_NAME = b"edgedf"
DESCRIPTION = b"Deepfake detector made by edgedf"


def finish(
    data: bytes, *, names: tuple[str, str], metadata: bytes, half: bool
) -> tuple[bytes, tuple[str, ...]]:
    """A finished file and notes about it. Equal arguments give equal bytes.

    Args:
        data: a model with one subgraph, one input and one output.
        names: the input's and the output's name, in the subgraph and in the signature.
        metadata: JSON stored as the metadata entry "edgedf".
        half: store convolution and linear weights in float16.
    Raises ConvertError if the model has another form.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    graph = _only_graph(model)
    for index, name in zip((graph.inputs[0], graph.outputs[0]), names, strict=True):
        if graph.tensors[index].name != name.encode():
            raise ConvertError(f"onnx2tf named a tensor {graph.tensors[index].name!r}", field=name)
    model.description = DESCRIPTION
    _set_metadata(model, metadata, schema)
    notes = _shrink(model, graph, schema) if half else ()
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output()), notes


def _only_graph(model: Any) -> Any:
    graph = model.subgraphs[0]
    if len(model.subgraphs) != 1 or len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConvertError("onnx2tf wrote a model of another form than one graph, one input, one output")
    return graph


def _set_metadata(model: Any, metadata: bytes, schema: Any) -> None:
    """Replace every metadata entry by ours; onnx2tf's is emptied, since buffers are numbered."""
    for entry in model.metadata or []:
        model.buffers[entry.buffer].data = None
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, _add_buffer(model, np.frombuffer(metadata, np.uint8), schema)
    model.metadata = [entry]


def _add_buffer(model: Any, data: npt.NDArray[np.uint8], schema: Any) -> int:
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _shrink(model: Any, graph: Any, schema: Any) -> tuple[str, ...]:
    """Turn large weights into float16 constants, each behind a DEQUANTIZE operation that runs once.

    Not sparse: LiteRT 2.1.2 with XNNPACK gives wrong numbers, without an error, for a float16 weight behind
    DENSIFY and DEQUANTIZE.
    """
    kinds = schema.BuiltinOperator
    weighted = (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED)
    prologue: list[Any] = []
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode not in weighted:
            continue
        index = operator.inputs[1]
        weights = _float_constant(model, graph.tensors[index], schema)
        if weights is None or weights.size < MIN_HALF_ELEMENTS:
            continue
        result, step = _half_weights(model, graph, index, weights, schema)
        prologue.append(step)
        operator.inputs = [operator.inputs[0], result, *operator.inputs[2:]]
    graph.operators = prologue + graph.operators
    return (f"{len(prologue)} weights in float16, arithmetic in float32",)


def _float_constant(model: Any, tensor: Any, schema: Any) -> npt.NDArray[np.float32] | None:
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) == 0:
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), "<f4").reshape(tensor.shape)


def _half_weights(
    model: Any, graph: Any, index: int, weights: npt.NDArray[np.float32], schema: Any
) -> tuple[int, Any]:
    """Store tensor `index` in float16; the number of a new float32 tensor and the operation that fills it."""
    with np.errstate(over="ignore"):
        half = weights.astype("<f2")
    tensor = graph.tensors[index]
    field = tensor.name.decode()
    if not bool(np.isfinite(half).all()):
        hint = "build with precision float32"
        raise ConvertError("holds a number too large for float16", field=field, hint=hint)
    if sum(other.buffer == tensor.buffer for other in graph.tensors) > 1:
        raise ConvertError("shares its numbers with another tensor", field=field)
    full = schema.TensorT()
    full.name, full.shape, full.buffer, full.type = tensor.name, tensor.shape, 0, schema.TensorType.FLOAT32
    graph.tensors.append(full)
    tensor.name, tensor.type = tensor.name + b"_half", schema.TensorType.FLOAT16
    model.buffers[tensor.buffer].data = np.frombuffer(half.tobytes(), np.uint8)
    step = schema.OperatorT()
    step.opcodeIndex = _operator_code(model, schema.BuiltinOperator.DEQUANTIZE, schema)
    step.inputs, step.outputs = [index], [len(graph.tensors) - 1]
    step.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    step.builtinOptions = schema.DequantizeOptionsT()
    return len(graph.tensors) - 1, step


def _operator_code(model: Any, builtin: int, schema: Any) -> int:
    """Index of an operator code, added if the model has none."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return index
    code = schema.OperatorCodeT()
    # Readers from before 2020 know only the first 127 operators, by the deprecated field.
    code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, 127)
    code.version = 3  # of DEQUANTIZE: the first that takes float16
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
