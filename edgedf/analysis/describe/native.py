"""A native model file: what the engine does with it on this processor, step by step, and why."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edgedf.analysis.describe.description import Description, Table
from edgedf.analysis.describe.files import artifact_facts
from edgedf.files import read_bytes
from edgedf.native.engine import NativeModel


def describe_native(path: Path) -> Description:
    """The .edgedfm file at `path`. Raises BundleError if it is damaged, NotRunError without the C core."""
    data = read_bytes(path, max_bytes=1 << 30)
    with closing(NativeModel(data, file=path)) as model:
        steps, needs = model.steps(), model.needs
        facts = artifact_facts(path, {path.name: data}) | {
            "kernels": model.variant,
            "crop_size": model.size,
            "weights": int(needs.weights),
            "nonzero": int(needs.nonzero),
            "multiplies": int(needs.multiplies),
            "dense_multiplies": int(needs.dense_multiplies),
            "model_bytes": int(needs.model_bytes),
            "workspace_bytes": int(needs.workspace_bytes),
            "activation_bytes": int(needs.activation_bytes),
        }
    columns = ("layer", "does", "in", "out", "weights", "kept", "multiplies", "kernel", "why")
    rows = tuple(
        (
            step.layer,
            step.fused,
            _shape(step.in_chw),
            _shape(step.out_chw),
            step.weights,
            step.nonzero,
            step.multiplies,
            step.kernel,
            step.reason,
        )
        for step in steps
    )
    table = Table(title="steps", columns=columns, rows=rows, right=columns[4:7])
    return Description(kind="native artifact", facts=facts, tables=(table,))


def _shape(chw: tuple[int, int, int]) -> str:
    return "x".join(str(side) for side in chw)
