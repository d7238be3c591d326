"""A native model file: where it came from, and what the engine does with it here, step by step, and why."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edgedf.analysis.describe.description import Cell, Description, Table
from edgedf.analysis.describe.files import artifact_facts
from edgedf.files import read_bytes
from edgedf.native.engine import NativeModel, Step
from edgedf.native.model_header import ModelHeader, read_header

_COLUMNS = (
    "layer",
    "does",
    "in",
    "out",
    "stored as",
    "weights",
    "kept",
    "share",
    "multiplies",
    "kernel",
    "why",
)


def describe_native(path: Path) -> Description:
    """The .edgedfm file at `path`. Raises BundleError if it is damaged, NotRunError without the C core."""
    data = read_bytes(path, max_bytes=1 << 30)
    with closing(NativeModel(data, file=path)) as model:
        header, steps, needs = read_header(data), model.steps(), model.needs
        contract = needs.contract
        facts = artifact_facts(path, {path.name: data}) | {
            "format_version": header.version,
            "precision": header.precision,
            "metadata": dict(header.metadata),
            "contract": {
                "size": int(contract.size),
                "box_scale": contract.box_scale,
                "threshold": contract.threshold,
                "temperature": contract.temperature,
            },
            "kernels": model.variant,
            "weights": int(needs.weights),
            "nonzero": int(needs.nonzero),
            "multiplies": int(needs.multiplies),
            "dense_multiplies": int(needs.dense_multiplies),
            "model_bytes": int(needs.model_bytes),
            "workspace_bytes": int(needs.workspace_bytes),
            "activation_bytes": int(needs.activation_bytes),
        }
    rows = tuple(_row(step, header) for step in steps)
    table = Table(title="steps", columns=_COLUMNS, rows=rows, right=_COLUMNS[5:9])
    return Description(kind="native artifact", facts=facts, tables=(table,))


def _row(step: Step, header: ModelHeader) -> tuple[Cell, ...]:
    """Numbers about weights only where there are weights."""
    weighted = step.weights > 0
    return (
        step.layer,
        step.fused,
        _shape(step.in_chw),
        _shape(step.out_chw),
        header.forms.get(step.layer) if weighted else None,
        step.weights if weighted else None,
        step.nonzero if weighted else None,
        f"{step.nonzero / step.weights:.1%}" if weighted else None,
        step.multiplies,
        step.kernel,
        step.reason,
    )


def _shape(chw: tuple[int, int, int]) -> str:
    return "x".join(str(side) for side in chw)
