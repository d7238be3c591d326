"""What one run of a program costs, counted from its declared shapes before anything is computed.

A file of some kilobytes can declare tensors that fill any memory and operations that take years. The limits
are over three times what the largest network takes that a contract allows: a dense ResNet-18 for crops of
1024 pixels needs 38 million numbers at a time, moves 0.55 billion and makes 38 billion multiply-adds (for 512
pixels 12 million, 0.15 and 9.5 billion). A program at the limits takes a minute or two and two gigabytes.

Counting is sound because no operation computes a result of another shape than it declares:
`Call.check_result` comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from edgedf.runtime.mil_reference.call import ProgramError
from edgedf.runtime.mil_reference.program import Model, Operation, TensorType, Value
from edgedf.runtime.mil_reference.structure import is_constant

# Numbers that exist at once; each takes up to four bytes, and an operation some times its result meanwhile.
MAX_LIVE = 1 << 27
# Numbers written or read: results, padded planes and the windows of convolutions and pools.
MAX_MOVED = 1 << 31
MAX_PRODUCTS = 1 << 37


@dataclass(frozen=True, slots=True)
class Cost:
    """The most numbers that are alive at once, the numbers moved, and the multiply-adds of one run."""

    live: int
    moved: int
    products: int


def check_budget(model: Model) -> Cost:
    """The cost of a program that `check_structure` took.

    Raises ProgramError if it is beyond a limit, or a parameter that shapes depend on is not a constant.
    """
    cost = program_cost(model)
    for what, value, limit in (
        ("needs {} numbers in memory", cost.live, MAX_LIVE),
        ("moves {} numbers", cost.moved, MAX_MOVED),
        ("makes {} multiply-adds", cost.products, MAX_PRODUCTS),
    ):
        if value > limit:
            raise ProgramError(f"{what.format(value)} in one run, more than {limit}")
    return cost


def program_cost(model: Model) -> Cost:
    """The cost of one run."""
    known = _Known({feature.name: feature.type for feature in model.inputs})
    last = last_uses(model)
    alive = sum(_size(feature.type) for feature in model.inputs)
    most, moved, products = alive, 0, 0
    for index, step in enumerate(model.operations):
        scratch, step_products = _step_cost(step, known)
        result = step.outputs[0]
        known.add(step)
        size = _size(result.type)
        alive += size
        moved += size + scratch.moved
        products += step_products
        most = max(most, alive + scratch.live)
        alive -= sum(_size(known.types[name]) for name in last.get(index, ()))
    return Cost(most, moved, products)


def last_uses(model: Model) -> dict[int, list[str]]:
    """Number of an operation -> activations that nobody needs after it, so that memory stays small."""
    last: dict[str, int] = {}
    for index, step in enumerate(model.operations):
        for bindings in step.inputs.values():
            last |= {name: index for name in bindings if isinstance(name, str)}
    keep = {step.outputs[0].name for step in model.operations if is_constant(step)} | set(model.results)
    uses: dict[int, list[str]] = {}
    for name, index in last.items():
        if name not in keep:
            uses.setdefault(index, []).append(name)
    return uses


@dataclass(frozen=True, slots=True)
class _Scratch:
    """What an operation needs beside its result."""

    live: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """Types of all names so far, and the values of constants."""

    types: dict[str, TensorType]
    values: dict[str, Value] = field(default_factory=dict)

    def add(self, step: Operation) -> None:
        self.types[step.outputs[0].name] = step.outputs[0].type
        if step.type == "const" and "val" in step.attributes:
            self.values[step.outputs[0].name] = step.attributes["val"]

    def shape(self, step: Operation, parameter: str, rank: int | None = None) -> tuple[int, ...]:
        """The declared shape of an operation's tensor."""
        binding = _binding(step, parameter)
        if isinstance(binding, str):
            shape = self.types[binding].shape
        elif binding is not None:
            shape = binding.type.shape
        else:
            raise ProgramError(f"{step.type}: {parameter} is missing")
        if rank is not None and len(shape) != rank:
            raise ProgramError(f"{step.type}: {parameter} is not a tensor of rank {rank}")
        return shape

    def integers(self, step: Operation, parameter: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A constant list of integers."""
        binding = _binding(step, parameter)
        if binding is None:
            return default
        value = self.values.get(binding) if isinstance(binding, str) else binding
        if value is None or isinstance(value.data, str) or value.data.dtype.kind not in "iu":
            raise ProgramError(f"{step.type}: {parameter} is not a constant list of integers")
        return tuple(int(number) for number in np.ravel(value.data)[:8])


def _binding(step: Operation, parameter: str) -> str | Value | None:
    bindings = step.inputs.get(parameter, ())
    return bindings[0] if bindings else None


def _step_cost(step: Operation, known: _Known) -> tuple[_Scratch, int]:
    """What an operation needs beside its result, and its multiply-adds."""
    result = step.outputs[0].type.shape
    match step.type:
        case "conv":
            weight, channels = known.shape(step, "weight", 4), known.shape(step, "x", 4)[1]
            products = math.prod(result) * math.prod(weight[1:])
            return _windows(step, known, channels, (weight[2], weight[3]), result), products
        case "max_pool" | "avg_pool":
            kernel = known.integers(step, "kernel_sizes", (1, 1))
            return _windows(step, known, known.shape(step, "x", 4)[1], kernel, result), 0
        case "linear":
            return _Scratch(), math.prod(result) * math.prod(known.shape(step, "x")[-1:])
        case "matmul":
            return _Scratch(), math.prod(known.shape(step, "x", 2)) * math.prod(result[1:])
        case "reduce_mean":
            return _Scratch(moved=math.prod(known.shape(step, "x"))), 0
        case _:
            return _Scratch(), 0


def _windows(
    step: Operation, known: _Known, channels: int, kernel: tuple[int, ...], result: tuple[int, ...]
) -> _Scratch:
    """The padded plane, and every window of it."""
    pad = known.integers(step, "pad", (0, 0, 0, 0))
    height, width = known.shape(step, "x", 4)[2:]
    padded = channels * (height + sum(map(abs, pad[:2]))) * (width + sum(map(abs, pad[2:])))
    windows = channels * math.prod(map(abs, kernel)) * math.prod(result[2:])
    return _Scratch(live=padded, moved=padded + windows)


def _size(type_: TensorType) -> int:
    return math.prod(type_.shape)
