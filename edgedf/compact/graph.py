"""The inference graph: a network as plain data, between the ticket and every converter.

Compaction rewrites it, `GraphModule` runs it in PyTorch, the native converter serialises it.
Shapes: activations are (C, H, W) or (F,) per image; weights OIHW or (out, in); all numbers float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d:
    """Cross-correlation with zero padding: weight_oihw (O, I/groups, KH, KW), bias_o (O,) or None."""

    weight_oihw: F32
    bias_o: F32 | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine:
    """y = x * scale_c + shift_c per channel (batch norm at inference, or input normalisation)."""

    scale_c: F32
    shift_c: F32


@dataclass(frozen=True, slots=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyRelu:
    """x if x >= 0 else slope * x."""

    slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool2d:
    """Maximum over windows; padding counts as minus infinity."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvgPool2d:
    """Mean over windows without padding; a window of the whole plane is global pooling."""

    kernel: tuple[int, int]
    stride: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Add:
    """Sum of two activations of equal shape (a residual connection)."""


@dataclass(frozen=True, slots=True)
class Flatten:
    """(C, H, W) -> (C*H*W,), channel slowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """y = weight_oi @ x + bias_o."""

    weight_oi: F32
    bias_o: F32 | None = None


Op = Conv2d | Affine | Relu | LeakyRelu | MaxPool2d | AvgPool2d | Add | Flatten | Linear

INPUT = "input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step: a unique `name`, `inputs` (earlier nodes or INPUT), and the layer it came from (`source`)."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in topological order; the last node's output is the logit, shape (1,).

    Attributes:
        input_chw: shape of INPUT, (3, size, size), values 0..255.
        nodes: the steps; every input is defined before it is used.
    """

    input_chw: tuple[int, int, int]
    nodes: tuple[Node, ...]

    @property
    def output(self) -> str:
        """Name of the node that gives the logit."""
        return self.nodes[-1].name

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape per image of INPUT and of every node's output. Raises CompactError on a mismatch."""
        from edgedf.compact.shapes import infer_shapes

        return infer_shapes(self)
