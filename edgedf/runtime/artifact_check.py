"""Checks of an artifact before a native runtime sees it: those runtimes may crash on damaged files."""

from __future__ import annotations

import struct
from pathlib import Path

from edgedf.bundle.integrity import read_listed
from edgedf.bundle.manifest import ArtifactEntry, TensorSpec
from edgedf.errors import BundleError

_REBUILD = "build the bundle again"


def read_artifact(folder: Path, entry: ArtifactEntry, name: str | None = None) -> bytes:
    """The bytes of an artifact's file, hashed again: the file may have changed since the bundle was opened.

    Args:
        folder: the opened bundle.
        name: the file below an artifact that is a folder.
    Raises BundleError if the manifest does not list the file, or it is not what the manifest says.
    """
    path = entry.path if name is None else f"{entry.path}/{name}"
    for listed in entry.files:
        if listed.path == path:
            return read_listed(folder, listed)
    raise BundleError("is not listed in the manifest", file=folder, field=path, hint=_REBUILD)


def check_flatbuffer(data: bytes, identifier: bytes, path: Path) -> None:
    """Raises BundleError unless `data` is a flatbuffer of this kind whose root table lies inside it.

    Source: flatbuffers.dev, "Internals": uint32 position of the root table, four bytes of identifier; a
    table starts with an int32 distance back to its vtable, whose first two uint16 are the sizes of vtable
    and table. This finds foreign and most cut files; the bundle's hashes find every other damage.
    """
    if len(data) < 16 or data[4:8] != identifier:
        problem = f"is not a {identifier.decode()} file, or cut short"
        raise BundleError(problem, file=path, hint=_REBUILD)
    root = struct.unpack_from("<I", data)[0]
    if root % 4 or root > len(data) - 4:
        raise BundleError("its root table lies outside the file", file=path, hint=_REBUILD)
    vtable = root - struct.unpack_from("<i", data, root)[0]
    if vtable % 2 or not 0 <= vtable <= len(data) - 4:
        raise BundleError("its root table is damaged", file=path, hint=_REBUILD)
    vtable_size, table_size = struct.unpack_from("<HH", data, vtable)
    if (
        vtable_size % 2
        or vtable_size < 4
        or vtable + vtable_size > len(data)
        or root + table_size > len(data)
    ):
        raise BundleError("its root table is damaged or cut short", file=path, hint=_REBUILD)


def check_entry(entry: ArtifactEntry, layout: str, path: Path) -> None:
    """Raises BundleError unless the manifest describes a square RGB input in `layout` and one logit."""
    shape = entry.input.shape
    expected = "(1, S, S, 3)" if layout == "NHWC" else "(1, 3, S, S)"
    side = shape[1 if layout == "NHWC" else 2] if len(shape) == 4 else 0
    want = (1, side, side, 3) if layout == "NHWC" else (1, 3, side, side)
    if shape != want or entry.input.layout != layout or entry.input.dtype != "float32":
        problem = f"is {entry.input.dtype}{shape} {entry.input.layout}, expected float32{expected} {layout}"
        raise BundleError(problem, file=path, field=entry.input.name, hint=_REBUILD)
    if entry.output.shape != (1, 1) or entry.output.dtype != "float32":
        problem = f"is {entry.output.dtype}{entry.output.shape}, expected float32(1, 1)"
        raise BundleError(problem, file=path, field=entry.output.name, hint=_REBUILD)


def check_tensor(spec: TensorSpec, name: str | None, shape: tuple[int, ...], dtype: str, path: Path) -> None:
    """Raises BundleError unless an artifact's own tensor is what the manifest says: name, shape, type.

    Args:
        name: None where the format has no tensor names.
    """
    if name is not None and name != spec.name:
        raise BundleError(f"has a tensor {name[:60]!r}, expected {spec.name!r}", file=path, field="name")
    if shape != spec.shape:
        raise BundleError(f"has shape {shape}, expected {spec.shape}", file=path, field=spec.name)
    if dtype != spec.dtype:
        raise BundleError(f"is {dtype}, expected {spec.dtype}", file=path, field=spec.name)
