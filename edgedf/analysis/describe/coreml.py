"""A Core ML package: its program's operations, inputs, outputs and how its weights are stored."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgedf.analysis.describe.description import Description, Table
from edgedf.analysis.describe.files import artifact_facts, folder_files
from edgedf.errors import BundleError
from edgedf.runtime.coreml_package import (
    MANIFEST_PATH,
    MODEL_PATH,
    WEIGHTS_PATH,
    check_package_manifest,
)
from edgedf.runtime.mil_reference import DecodeError, decode_model
from edgedf.runtime.mil_reference.program import Feature


def describe_coreml(path: Path) -> Description:
    """The .mlpackage at `path`. Raises BundleError if it is damaged or no ML program."""
    files = folder_files(path)
    if MODEL_PATH not in files:
        raise BundleError("holds no program", file=path, field=MODEL_PATH, hint="build the bundle again")
    if WEIGHTS_PATH in files:  # else it is no package of ours, and may name its files otherwise
        check_package_manifest(files.get(MANIFEST_PATH, b""), path)
    try:
        model = decode_model(files[MODEL_PATH], files.get(WEIGHTS_PATH, b""))
    except DecodeError as error:
        hint = "build the bundle again"
        raise BundleError(f"damaged or unknown Core ML program ({error})", file=path, hint=hint) from error
    counted = Counter(operation.type for operation in model.operations)
    facts = artifact_facts(path, files) | {
        "specification_version": model.specification_version,
        "opset": model.opset,
        "inputs": [_feature(feature) for feature in model.inputs],
        "outputs": [_feature(feature) for feature in model.outputs],
        "program_bytes": len(files[MODEL_PATH]),
        "weight_bytes": len(files.get(WEIGHTS_PATH, b"")),
        "sparse_constants": counted["constexpr_sparse_to_dense"],
        "description": model.description,
        "metadata": dict(model.metadata),
    }
    operations = Table(
        title="operations",
        columns=("operation", "count"),
        rows=tuple(counted.most_common()),
        right=("count",),
    )
    return Description(kind="coreml artifact", facts=facts, tables=(operations,))


def _feature(feature: Feature) -> str:
    """ "input float32 1x3x256x256"."""
    shape = "x".join(str(side) for side in feature.type.shape)
    return f"{feature.name} {feature.type.dtype} {shape}"
