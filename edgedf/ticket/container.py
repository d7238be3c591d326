"""The outer format: safetensors, read strictly and without copies.

Eight bytes little-endian header length, that many bytes of JSON, then the tensors' bytes end to end.
edgedf reads it by itself, because its rules are tighter than the format's and each has its own message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import TicketError
from edgedf.files import parse_json

METADATA_KEY = "edgedf"
MAX_HEADER_BYTES = 1 << 20
MAX_TENSORS = 4096
_DTYPES: Mapping[str, Any] = MappingProxyType({"F32": np.dtype("<f4"), "U8": np.dtype("u1")})
_DAMAGED = "copy or train the ticket again"


def read_container(data: bytes, *, file: str) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """The edgedf metadata text and the tensors by name, as read-only views of `data`.

    Raises TicketError if the header is longer than 1 MiB or unpadded, a tensor is neither F32 nor U8,
    its bytes are not where the format puts them, or a byte of the file belongs to nobody.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise TicketError("not a safetensors file, or cut short", file=file, hint=_DAMAGED)
    if length % 8:  # so that every view of a float32 tensor is aligned
        raise TicketError(f"has a header of {length} bytes, not a multiple of 8", file=file, hint=_DAMAGED)
    if length > MAX_HEADER_BYTES:
        raise TicketError(f"has a header of {length} bytes, the limit is {MAX_HEADER_BYTES}", file=file)
    header = parse_json(data[8 : 8 + length], file=file, error=TicketError)
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise TicketError("is not a table of tensors", file=file, field="header", hint=_DAMAGED)
    metadata = header.pop("__metadata__", None)
    text = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str) or len(metadata) != 1:
        raise TicketError(
            "has no edgedf metadata: a safetensors file, but not a ticket",
            file=file,
            field=METADATA_KEY,
            hint="tickets are written by `edgedf train`",
        )
    return text, _tensors(header, data, 8 + length, file)


def _tensors(header: dict[str, Any], data: bytes, start: int, file: str) -> dict[str, npt.NDArray[Any]]:
    entries = {name: _entry(name, value, file) for name, value in header.items()}
    tensors, position = {}, 0
    # In the order of their bytes: each tensor begins where the one before it ended, the last ends the file.
    for name, (dtype, shape, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        size = dtype.itemsize
        for side in shape:
            size *= side
        if begin != position or end - begin != size or begin % dtype.itemsize:
            raise TicketError(
                f"has its bytes at {begin}..{end}, expected {position}..{position + size}",
                file=file,
                field=name[:80],
                hint=_DAMAGED,
            )
        if start + end > len(data):
            raise TicketError("cut short", file=file, field=name[:80], hint=_DAMAGED)
        flat = np.frombuffer(data, dtype, size // dtype.itemsize, start + begin)
        tensors[name], position = flat.reshape(shape), end
    if start + position != len(data):
        raise TicketError(
            f"has {len(data) - start - position} bytes after the last tensor", file=file, hint=_DAMAGED
        )
    return tensors


def _entry(name: str, value: Any, file: str) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """(dtype, shape, begin, end) of one tensor, types and ranges checked."""

    def bad(problem: str) -> TicketError:
        return TicketError(problem, file=file, field=name[:80], hint=_DAMAGED)

    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise bad("is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise bad(f"is {str(dtype)[:20]}, expected F32 or U8")
    if not isinstance(shape, list) or len(shape) > 4 or not all(_is_size(side) and side for side in shape):
        raise bad("has an impossible shape")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
        raise bad("has impossible data_offsets")
    return _DTYPES[dtype], tuple(shape), offsets[0], offsets[1]


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def container_bytes(text: str, tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The file's bytes; equal content gives equal bytes, whatever the order of `tensors`."""
    from safetensors.numpy import save

    return save(dict(sorted(tensors.items())), metadata={METADATA_KEY: text})
