"""Which kind of file it is: told by its first bytes, not by its name alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from edgedf.analysis.describe.description import Description
from edgedf.bundle.manifest import MANIFEST_NAME
from edgedf.errors import FileError
from edgedf.files import open_regular
from edgedf.os_errors import read_error

# kind -> (module, function); a module is loaded only when a file of its kind is met.
_READERS = {
    "ticket": ("edgedf.analysis.describe.ticket", "describe_ticket"),
    "bundle": ("edgedf.analysis.describe.bundle", "describe_bundle"),
    "executorch": ("edgedf.analysis.describe.executorch", "describe_executorch"),
    "tflite": ("edgedf.analysis.describe.tflite", "describe_tflite"),
    "coreml": ("edgedf.analysis.describe.coreml", "describe_coreml"),
    "native": ("edgedf.analysis.describe.native", "describe_native"),
}


def describe(path: Path) -> Description:
    """What `path` is and holds.

    Raises FileError if it is missing, unreadable or of no kind edgedf knows; TicketError, BundleError or
    ConvertError if it is damaged; NotRunError if the package that reads its kind is not installed.
    """
    kind = _kind(path)
    if kind is None:
        hint = "known: a ticket (.safetensors), a run, a bundle, .pte, .tflite, .mlpackage, .edgedfm"
        raise FileError("is no ticket, bundle or artifact", file=path, hint=hint)
    module, function = _READERS[kind]
    reader: Callable[[Path], Description] = getattr(import_module(module), function)
    return reader(path)


def _kind(path: Path) -> str | None:
    if path.is_dir():
        return _folder_kind(path)
    try:
        with open_regular(path) as stream:
            head = stream.read(16)
    except OSError as error:
        raise read_error(path, error) from error
    if head[:4] == b"PK\x03\x04":
        return "bundle"
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[4:6] == b"ET" and head[6:8].isdigit():
        return "executorch"
    if head[:4] == b"EDFM":
        return "native"
    # safetensors: eight bytes of header length, then the JSON header. A cut ticket still says .safetensors.
    if head[8:9] == b"{" or path.suffix == ".safetensors":
        return "ticket"
    return None


def _folder_kind(path: Path) -> str | None:
    if (path / MANIFEST_NAME).is_file() or path.suffix == ".edgedf":
        return "bundle"
    if (path / "Manifest.json").is_file() and (path / "Data").is_dir():
        return "coreml"
    if (path / "run.json").is_file():
        return "ticket"
    return None
