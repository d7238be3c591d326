"""What a converter is: a pure function from a compacted network to the files of one target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgedf.bundle.manifest import TensorSpec
from edgedf.contract import Contract

if TYPE_CHECKING:
    from edgedf.compact.module import GraphModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to convert.

    Attributes:
        precision: "float32", "float16" (weights only; Core ML also computes in it) or "int8"; `convert`
            raises ConvertError for one that the target does not offer.
        name: stem of the artifact's file name.
        metadata: short texts the artifact carries (ticket sha256, architecture, ...).
    """

    precision: str = "float32"
    name: str = "model"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A target's files in memory.

    Attributes:
        target, precision: as in the manifest.
        path: main file, or folder for an .mlpackage, relative.
        files: relative POSIX path -> bytes; equal inputs give equal bytes.
        input, output: the artifact's own tensors.
        tools: package name -> version.
        notes: facts for the report, such as operators that were not delegated.
    """

    target: str
    precision: str
    path: str
    files: Mapping[str, bytes]
    input: TensorSpec
    output: TensorSpec
    tools: Mapping[str, str]
    notes: tuple[str, ...] = ()


class Converter(Protocol):
    """The signature of every converter module's `convert`."""

    def __call__(self, module: GraphModule, contract: Contract, options: Options) -> Artifact:
        """Convert `module` (its `.graph` is the data, calling it is PyTorch). Raises ConvertError."""
        ...
