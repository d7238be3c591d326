"""Converters: from a compacted network to the files of one target. `convert` is the only door.

A fifth target adds one line to `_CONVERTERS` and one module beside the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from converters.base import Artifact, Options
from edgedf.bundle.manifest import OFFERED
from edgedf.contract import Contract
from edgedf.errors import ConvertError

if TYPE_CHECKING:
    from converters.base import Converter
    from edgedf.compact.module import GraphModule

__all__ = ["PRECISIONS", "TARGETS", "Artifact", "Options", "convert"]

# target -> module with a function `convert`; loaded when asked for, because each costs seconds of imports.
_CONVERTERS: Mapping[str, str] = MappingProxyType(
    {
        "executorch": "converters.executorch",
        "coreml": "converters.coreml",
        "tflite": "converters.tflite",
        "native": "converters.native",
    }
)
TARGETS: tuple[str, ...] = tuple(_CONVERTERS)

# What each target offers; the first is the default. One table for builds and for readers of bundles.
PRECISIONS: Mapping[str, tuple[str, ...]] = OFFERED


def convert(target: str, module: GraphModule, contract: Contract, options: Options) -> Artifact:
    """The artifact of `target` for a compacted network.

    Args:
        target: one of TARGETS.
        module: what to convert; `module.graph` is the network as data.
        contract: gives the input's size and both tensors' names.
        options: precision, file name and metadata.
    Equal arguments and tool versions give equal bytes, whatever the working folder, process or time.
    Prints nothing, leaves nothing on disk, needs no network.
    Raises ConvertError for an unknown target or precision or a network the format cannot hold,
    NotRunError if a tool is not installed.
    """
    if target not in _CONVERTERS:
        raise ConvertError(
            f"unknown target {target[:60]!r}", field="target", hint=f"use one of {', '.join(TARGETS)}"
        )
    if options.precision not in PRECISIONS[target]:
        known = ", ".join(PRECISIONS[target])
        problem = f"{target} does not offer precision {options.precision[:60]!r}"
        raise ConvertError(problem, field="precision", hint=f"it offers {known}")
    if module.graph.input_chw != (3, contract.size, contract.size):
        problem = f"the network takes {module.graph.input_chw}, the contract says size {contract.size}"
        raise ConvertError(problem, field="contract.size")
    converter: Converter = import_module(_CONVERTERS[target]).convert
    return converter(module, contract, options)
