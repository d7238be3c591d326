"""An ExecuTorch program: methods, delegates and what stayed outside them.

Field numbers: schema/program.fbs of ExecuTorch 1.4.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgedf.analysis.describe.description import Cell, Description, Table
from edgedf.analysis.describe.files import artifact_facts
from edgedf.bundle.manifest_reader import MAX_BUNDLE_BYTES
from edgedf.errors import BundleError
from edgedf.files import read_bytes
from edgedf.runtime.flatbuffer import FlatbufferError, FlatTable

_TENSOR = 5  # KernelTypes.Tensor
_KERNEL_CALL, _DELEGATE_CALL = 1, 2
_TYPES = {0: "uint8", 1: "int8", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 11: "bool"}


def describe_executorch(path: Path) -> Description:
    """The .pte file at `path`. Raises BundleError if it is damaged."""
    data = read_bytes(path, max_bytes=MAX_BUNDLE_BYTES)
    try:
        program = FlatTable.root(data)
        methods = tuple(_method(plan) for plan in program.tables(1))
        operators = tuple((_name(op),) for plan in program.tables(1) for op in plan.tables(6))
    except FlatbufferError as error:
        hint = "build the bundle again"
        raise BundleError(f"damaged ExecuTorch program ({error})", file=path, hint=hint) from error
    columns = ("method", "inputs", "outputs", "delegates", "delegate calls", "kernel calls")
    facts = artifact_facts(path, {path.name: data}) | {"schema_version": program.integer(0, "<I")}
    tables = [Table(title="methods", columns=columns, rows=methods, right=columns[4:])]
    if operators:
        tables.append(Table(title="operators outside delegates", columns=("operator",), rows=operators))
    notes = () if operators else ("every operator is delegated",)
    return Description(kind="executorch artifact", facts=facts, tables=tuple(tables), notes=notes)


def _method(plan: FlatTable) -> tuple[Cell, ...]:
    values = plan.tables(2)
    chains = plan.tables(5)
    calls = Counter(instruction.integer(0, "<B") for chain in chains for instruction in chain.tables(2))
    return (
        plan.text(0),
        ", ".join(_value(values, index) for index in plan.integers(3, "<i")),
        ", ".join(_value(values, index) for index in plan.integers(4, "<i")),
        ", ".join(delegate.text(0) for delegate in plan.tables(7)),
        calls[_DELEGATE_CALL],
        calls[_KERNEL_CALL],
    )


def _value(values: list[FlatTable], index: int) -> str:
    """ "float32 1x3x256x256"."""
    if not 0 <= index < len(values):
        raise FlatbufferError("a method's input or output does not exist")
    tensor = values[index].table(1)
    if values[index].integer(0, "<B") != _TENSOR or tensor is None:
        return "not a tensor"
    kind = tensor.integer(0, "<b")
    return f"{_TYPES.get(kind, f'type {kind}')} {'x'.join(map(str, tensor.integers(2, '<i')))}"


def _name(operator: FlatTable) -> str:
    name, overload = operator.text(0), operator.text(1)
    return f"{name}.{overload}" if overload else name
