"""Core ML: an ML program in an .mlpackage for iOS 16 and later, weights stored sparse.

The input is a multi-array, not an image: Vision would crop and scale an image by its own rules, and the
contract's crop must reach the network untouched (docs/converters.md).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from converters.base import Artifact, Options
from converters.mil_encode import encode_model
from converters.mil_program import mil_operations
from edgedf import __version__
from edgedf.bundle.manifest import TensorSpec
from edgedf.contract import Contract
from edgedf.files import canonical_json, sha256_bytes
from edgedf.runtime.mil_reference.program import Feature, Model, TensorType

if TYPE_CHECKING:
    from edgedf.compact.module import GraphModule

# iOS 16, macOS 13: the first with sparse weights in a program (constexpr_sparse_to_dense).
SPECIFICATION_VERSION = 7
OPSET = "CoreML6"
MODEL_PATH = "com.apple.CoreML/model.mlmodel"
WEIGHTS_FOLDER = "com.apple.CoreML/weights"


def convert(module: GraphModule, contract: Contract, options: Options) -> Artifact:
    """The .mlpackage of a compacted network.

    Input `contract.input_name` (1, 3, S, S) float32 0..255 RGB, output `contract.output_name` (1, 1) float32.
    "float32" computes in float32. "float16" stores and computes in float16, which the Neural Engine needs.
    Raises ConvertError if a weight does not fit float16.
    """
    model = _model(module, contract, options)
    specification, weights = encode_model(model)
    folder = f"{options.name}.mlpackage"
    sparse = sum(step.type == "constexpr_sparse_to_dense" for step in model.operations)
    return Artifact(
        target="coreml",
        precision=options.precision,
        path=folder,
        files={
            f"{folder}/Manifest.json": _package_manifest(specification, weights),
            f"{folder}/Data/{MODEL_PATH}": specification,
            f"{folder}/Data/{WEIGHTS_FOLDER}/weight.bin": weights,
        },
        input=TensorSpec(
            name=contract.input_name,
            shape=(1, 3, contract.size, contract.size),
            dtype="float32",
            layout="NCHW",
        ),
        output=TensorSpec(name=contract.output_name, shape=(1, 1), dtype="float32", layout="N1"),
        tools={"edgedf": __version__},
        notes=(f"{sparse} weights are stored sparse", "needs iOS 16, macOS 13 or later"),
    )


def _model(module: GraphModule, contract: Contract, options: Options) -> Model:
    image = TensorType("float32", (1, 3, contract.size, contract.size))
    logit = TensorType("float32", (1, 1))
    low, high = contract.value_range
    size = contract.size
    return Model(
        specification_version=SPECIFICATION_VERSION,
        opset=OPSET,
        inputs=(
            Feature(
                name=contract.input_name,
                type=image,
                description=f"Face crop, {size} x {size}, {contract.color}, {low} to {high}, made by "
                f"{contract.crop}; order batch, channel, row, column.",
            ),
        ),
        outputs=(
            Feature(
                name=contract.output_name,
                type=logit,
                description=f"Logit. sigmoid(logit / {contract.temperature:g}) is the probability of "
                f"{contract.positive}; {contract.threshold:g} or more means {contract.positive}.",
            ),
        ),
        operations=mil_operations(
            module.graph,
            input_name=contract.input_name,
            output_name=contract.output_name,
            precision=options.precision,
        ),
        results=(contract.output_name,),
        description=f"Says whether a face is {contract.positive}.",
        author="edgedf",
        version=__version__,
        metadata=_metadata(contract, options),
    )


def _metadata(contract: Contract, options: Options) -> dict[str, str]:
    """What an app reads under MLModelMetadataKey.creatorDefinedKey; every key starts with "edgedf."."""
    own = {
        "edgedf.contract": canonical_json(contract.to_json()).decode(),
        "edgedf.contract_sha256": contract.sha256,
        "edgedf.precision": options.precision,
        "edgedf.version": __version__,
    }
    return {f"edgedf.{key.removeprefix('edgedf.')}": text for key, text in options.metadata.items()} | own


def _package_manifest(specification: bytes, weights: bytes) -> bytes:
    """Manifest.json. Apple's tool draws random item names; these follow from the files' hashes.

    Spelled as Apple's tool spells it: it writes the file again whenever it opens a package, and a bundle
    whose files change no longer has its hashes.
    """
    entries = {}
    for name, path, description, data in (
        ("model.mlmodel", MODEL_PATH, "CoreML Model Specification", specification),
        ("weights", WEIGHTS_FOLDER, "CoreML Model Weights", weights),
    ):
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"edgedf:{name}:{sha256_bytes(data)}"))
        entries[identifier] = {
            "author": "com.apple.CoreML",
            "description": description,
            "name": name,
            "path": path,
        }
    root = next(key for key, entry in entries.items() if entry["name"] == "model.mlmodel")
    tree = {"fileFormatVersion": "1.0.0", "itemInfoEntries": entries, "rootModelIdentifier": root}
    return f"{json.dumps(tree, indent=4, sort_keys=True)}\n".encode()
