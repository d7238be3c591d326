"""weight.bin, the file with a Core ML package's large constants.

Layout, all little-endian, source: MILBlob's StorageFormat.hpp of coremltools 9.0:
  file header, 64 bytes: uint32 number of blobs, uint32 version 2, zeros;
  per blob, at a multiple of 64: uint32 0xDEADBEEF, uint32 dtype, uint64 size in bytes,
  uint64 position of the data in the file, zeros up to 64 bytes; then the data, at a multiple of 64.
A program refers to a blob by the position of its 64-byte record.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64
VERSION = 2
SENTINEL = 0xDEADBEEF
_HEADER = struct.Struct("<II56x")
_RECORD = struct.Struct("<IIQQ40x")
BLOB_DTYPES: Mapping[str, int] = MappingProxyType({"float16": 1, "float32": 2, "uint8": 3, "int8": 4})


class BlobError(ValueError):
    """weight.bin does not hold what the program says."""


class BlobWriter:
    """Collects arrays; `data()` is the file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = _HEADER.size
        self._count = 0

    def add(self, array: npt.NDArray[Any]) -> int:
        """Append an array of a dtype in BLOB_DTYPES; returns the position that the program refers to."""
        little = array.dtype.newbyteorder("<")
        body = np.ascontiguousarray(array, dtype=little).tobytes()
        offset = self._size
        record = _RECORD.pack(SENTINEL, BLOB_DTYPES[array.dtype.name], len(body), offset + _RECORD.size)
        padding = -len(body) % ALIGNMENT
        self._parts += [record, body, bytes(padding)]
        self._size += _RECORD.size + len(body) + padding
        self._count += 1
        return offset

    def data(self) -> bytes:
        """The whole file."""
        return b"".join([_HEADER.pack(self._count, VERSION), *self._parts])


def read_blob(data: memoryview, offset: int, dtype: str, count: int) -> npt.NDArray[Any]:
    """The `count` numbers of the blob at `offset`, read-only.

    Raises BlobError if record, dtype, size or position do not fit the file or the request.
    """
    if len(data) < _HEADER.size or _HEADER.unpack_from(data)[1] != VERSION:
        raise BlobError("is not a version 2 weight file")
    if offset % ALIGNMENT or not _HEADER.size <= offset <= len(data) - _RECORD.size:
        raise BlobError(f"has no blob at {offset}")
    sentinel, number, size, start = _RECORD.unpack_from(data, offset)
    if sentinel != SENTINEL or number != BLOB_DTYPES.get(dtype):
        raise BlobError(f"has no {dtype} blob at {offset}")
    item = np.dtype(dtype).newbyteorder("<")
    if size != count * item.itemsize or start % item.itemsize or not 0 <= start <= len(data) - size:
        raise BlobError(f"blob at {offset} has {size} bytes at {start}, expected {count * item.itemsize}")
    return np.frombuffer(data, item, count, start)
