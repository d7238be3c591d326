"""TFLite: the graph as ONNX, then onnx2tf's direct flatbuffer writer, then edgedf's own finish.

Input is NHWC, as Android's cameras, bitmaps and delegates have it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from converters.base import Artifact, Options
from converters.onnx_model import onnx_model
from converters.quiet import quiet, tool_versions
from converters.tflite_file import finish
from edgedf.bundle.manifest import TensorSpec
from edgedf.contract import Contract
from edgedf.errors import ConvertError
from edgedf.files import canonical_json

if TYPE_CHECKING:
    from edgedf.compact.graph import Graph
    from edgedf.compact.module import GraphModule


def convert(module: GraphModule, contract: Contract, options: Options) -> Artifact:
    """The .tflite of a compacted network.

    Input `contract.input_name` (1, S, S, 3) float32 0..255 RGB, output `contract.output_name` (1, 1) float32,
    both also in the signature "serving_default". "float32" holds plain dense weights, which every delegate
    takes. "float16" holds the weights in float16 and computes in float32.
    """
    metadata = canonical_json(
        {"contract": contract.to_json(), "contract_sha256": contract.sha256} | dict(options.metadata)
    )
    with quiet("TFLite conversion"):
        dense = _onnx2tf(module.graph, contract)
        data, notes = finish(
            dense,
            names=(contract.input_name, contract.output_name),
            metadata=metadata,
            half=options.precision == "float16",
        )
    path = f"{options.name}.tflite"
    size = contract.size
    return Artifact(
        target="tflite",
        precision=options.precision,
        path=path,
        files={path: data},
        input=TensorSpec(name=contract.input_name, shape=(1, size, size, 3), dtype="float32", layout="NHWC"),
        output=TensorSpec(name=contract.output_name, shape=(1, 1), dtype="float32", layout="N1"),
        tools=tool_versions("onnx2tf", "onnx"),
        notes=notes,
    )


def _onnx2tf(graph: Graph, contract: Contract) -> bytes:
    """The float32 model that onnx2tf writes, in a folder that is gone afterwards."""
    import onnx2tf

    with tempfile.TemporaryDirectory(prefix="edgedf-") as folder:
        onnx2tf.convert(
            onnx_graph=onnx_model(graph, contract),
            output_folder_path=folder,
            tflite_backend="flatbuffer_direct",
            copy_onnx_input_output_names_to_tflite=True,
            batch_size=1,
            # Simplifying needs onnxruntime and could reorder the graph; ours has nothing to simplify.
            not_use_onnxsim=True,
            non_verbose=True,
            verbosity="error",
        )
        written = Path(folder) / "model_float32.tflite"
        if not written.is_file():
            raise ConvertError("onnx2tf wrote no float32 model")
        return written.read_bytes()
