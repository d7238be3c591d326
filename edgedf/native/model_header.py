"""What a native model file says of itself that the engine does not: metadata, and how weights are stored.

For files that the engine has opened: nothing here is checked again. docs/formats.md describes the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edgedf import strict_json

HEADER_BYTES = 72
_CONV, _AFFINE, _ADD, _LINEAR = 1, 2, 8, 10
# Operator -> (varints, other bytes) between its inputs and its name; layers with weights have more.
_NUMBERS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {_CONV: (8, 0), _AFFINE: (0, 1), 4: (0, 4), 5: (0, 8), 6: (6, 0), 7: (4, 0), _LINEAR: (1, 0)}
)
FORMS = ("none", "float32", "float16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHeader:
    """Attributes:
    version: of the format.
    metadata: the converter's texts, {} if there are none or they are no JSON object.
    forms: name of each layer with weights -> "float32", "float16" or "int8".
    """

    version: int
    metadata: Mapping[str, Any]
    forms: Mapping[str, str]

    @property
    def precision(self) -> str:
        """That of the weights; "mixed" if layers differ."""
        found = set(self.forms.values())
        return found.pop() if len(found) == 1 else "mixed" if found else FORMS[0]


def read_header(data: bytes) -> ModelHeader:
    """The header of a file that the engine opened."""
    version, _, graph, raw, code, meta = struct.unpack_from("<6I", data, 8)
    start = HEADER_BYTES + graph + raw + code
    return ModelHeader(
        version=version,
        metadata=_metadata(data[start : start + meta]),
        forms=_forms(data[HEADER_BYTES : HEADER_BYTES + graph]),
    )


def _metadata(data: bytes) -> Mapping[str, Any]:
    """The engine does not read this part, so it may hold anything."""
    try:
        tree = strict_json.loads(data)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _forms(graph: bytes) -> Mapping[str, str]:
    forms: dict[str, str] = {}
    count, at = _varint(graph, 0)
    for _ in range(count):
        op = graph[at]
        at = _skip(graph, at + 1, 2 if op == _ADD else 1)
        varints, others = _NUMBERS.get(op, (0, 0))
        at = _skip(graph, at, varints) + others
        form = ""
        if op in (_CONV, _LINEAR):
            form = FORMS[graph[at + 1]]
            at = _skip(graph, at + 3, 1)
        length = graph[at]
        name = graph[at + 1 : at + 1 + length].decode("ascii")
        at += 1 + length
        if form:
            forms[name] = form
    return forms


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _skip(data: bytes, at: int, varints: int) -> int:
    for _ in range(varints):
        _, at = _varint(data, at)
    return at
