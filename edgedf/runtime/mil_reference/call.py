"""One operation with its arguments: typed access, so that every operation states what it expects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.runtime.mil_reference.program import Operation, TensorType
from edgedf.runtime.mil_reference.values import MAX_ELEMENTS

Array = npt.NDArray[Any]
# A stride, padding or kernel beyond this is damage.
MAX_SIDE = 1 << 16


class ProgramError(ValueError):
    """The program contradicts itself or its own declared shapes."""


class UnknownOperationError(ValueError):
    """The program uses an operation, or a form of one, that the reference does not evaluate."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation about to run: `arguments` holds every parameter's value, constants and texts included."""

    operation: Operation
    arguments: Mapping[str, Array | str]

    @property
    def result(self) -> TensorType:
        """The declared type of the only output."""
        if len(self.operation.outputs) != 1:
            raise ProgramError(f"{self.operation.type} has {len(self.operation.outputs)} outputs, expected 1")
        return self.operation.outputs[0].type

    def array(self, name: str, *, rank: int | None = None) -> Array:
        """A tensor argument, with its rank checked."""
        value = self.arguments.get(name)
        if not isinstance(value, np.ndarray) or (rank is not None and value.ndim != rank):
            expected = "a tensor" if rank is None else f"a tensor of rank {rank}"
            raise ProgramError(f"{self.operation.type}: {name} is not {expected}")
        return value

    def floats(self, name: str, *, rank: int | None = None) -> npt.NDArray[np.float32]:
        """A float16 or float32 argument, as float32."""
        value = self.array(name, rank=rank)
        if value.dtype not in (np.float32, np.float16):
            raise ProgramError(f"{self.operation.type}: {name} is {value.dtype}, expected floats")
        return value.astype(np.float32, copy=False)

    def optional_floats(self, name: str, *, rank: int) -> npt.NDArray[np.float32] | None:
        """Like `floats`, or None if the argument is absent."""
        return self.floats(name, rank=rank) if name in self.arguments else None

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """A list of integers, each of absolute value at most MAX_SIDE; `default` if absent."""
        if name not in self.arguments and default is not None:
            return default
        value = self.array(name)
        if (
            value.dtype.kind not in "iu"
            or value.size > 8
            or bool((abs(value.astype(np.int64)) > MAX_SIDE).any())
        ):
            raise ProgramError(f"{self.operation.type}: {name} is not a short list of small integers")
        return tuple(int(number) for number in value.reshape(-1))

    def integer(self, name: str, default: int) -> int:
        """One small integer; `default` if absent."""
        found = self.integers(name, (default,))
        if len(found) != 1:
            raise ProgramError(f"{self.operation.type}: {name} is not one integer")
        return found[0]

    def flag(self, name: str, *, default: bool) -> bool:
        """A scalar truth value."""
        if name not in self.arguments:
            return default
        value = self.array(name, rank=0)
        if value.dtype != np.bool_:
            raise ProgramError(f"{self.operation.type}: {name} is not a truth value")
        return bool(value)

    def text(self, name: str) -> str:
        """A text argument."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            raise ProgramError(f"{self.operation.type}: {name} is not a text")
        return value

    def check_size(self, shape: tuple[int, ...], what: str) -> None:
        """Raises ProgramError before an array of this shape would fill the memory."""
        if min(shape, default=1) < 0 or math.prod(shape) > MAX_ELEMENTS:
            raise ProgramError(f"{self.operation.type}: {what} would have shape {shape}")

    def check_result(self, shape: tuple[int, ...]) -> None:
        """Raises ProgramError before a result is computed that is large or of another shape than declared."""
        self.check_size(shape, "the result")
        if self.operation.outputs and shape != self.result.shape:
            raise ProgramError(f"{self.operation.type}: declares {self.result.shape} where it gives {shape}")
