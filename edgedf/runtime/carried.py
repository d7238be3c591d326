"""What a model file says of itself: its contract and its ticket, for programs that see no manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.contract import Contract
from edgedf.errors import BundleError
from edgedf.files import parse_json
from edgedf.runtime.flatbuffer import FlatbufferError, FlatTable

CONTRACT_HASH = "edgedf.contract_sha256"
TICKET_HASH = "edgedf.ticket_sha256"
# The one metadata entry of a .tflite that is ours.
TFLITE_ENTRY = "edgedf"
_REBUILD = "build the bundle again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a file carries.

    Attributes:
        contract: field of the contract -> value as JSON has it; a format may hold only some fields.
        contract_hashes: every sha256 of the contract in the file.
        ticket_sha256: of the ticket it was built from; None if the file does not say.
    """

    contract: Mapping[str, Any]
    contract_hashes: tuple[str, ...] = ()
    ticket_sha256: str | None = None


def carried_document(data: bytes | str, path: Path) -> Carried:
    """What the JSON document of a .pte or .tflite says. Raises BundleError if it is not one of ours."""
    raw = data.encode() if isinstance(data, str) else data
    tree = parse_json(raw, file=path, error=BundleError)
    if not isinstance(tree, dict) or "contract" not in tree:
        raise BundleError("carries no contract", file=path, field="metadata", hint=_REBUILD)
    contract = Contract.from_json(tree["contract"], file=str(path)).to_json()
    return _carried(contract, tree, ("contract_sha256", CONTRACT_HASH), path)


def carried_table(metadata: Mapping[str, str], path: Path) -> Carried:
    """What the user-defined texts of a Core ML model say. Raises BundleError if a contract is missing."""
    if "edgedf.contract" not in metadata:
        raise BundleError("carries no contract", file=path, field="metadata", hint=_REBUILD)
    tree = parse_json(metadata["edgedf.contract"].encode(), file=path, error=BundleError)
    contract = Contract.from_json(tree, file=str(path)).to_json()
    return _carried(contract, metadata, (CONTRACT_HASH,), path)


def carried_numbers(contract: Mapping[str, Any], metadata: Mapping[str, Any], path: Path) -> Carried:
    """What a native model says: the numbers of its header, and its texts."""
    return _carried(contract, metadata, (CONTRACT_HASH,), path)


def tflite_document(data: bytes, path: Path) -> bytes:
    """The bytes of the metadata entry "edgedf". Raises BundleError if the file has none, or two.

    Source of field numbers: schema.fbs, version 3 (Model 4 buffers, 6 metadata; Metadata 0 name, 1 buffer;
    Buffer 0 data).
    """
    try:
        model = FlatTable.root(data)
        buffers = model.tables(4)
        numbers = [entry.integer(1, "<I") for entry in model.tables(6) if entry.text(0) == TFLITE_ENTRY]
        if len(numbers) != 1 or numbers[0] >= len(buffers):
            raise BundleError("carries no contract", file=path, field="metadata", hint=_REBUILD)
        return buffers[numbers[0]].bytes(0)
    except FlatbufferError as error:
        raise BundleError(f"damaged: {error}", file=path, hint=_REBUILD) from error


def _carried(
    contract: Mapping[str, Any], texts: Mapping[str, Any], hashes: tuple[str, ...], path: Path
) -> Carried:
    for name in (*hashes, TICKET_HASH):
        if name in texts and not isinstance(texts[name], str):
            raise BundleError("is not a text", file=path, field=name, hint=_REBUILD)
    return Carried(
        contract=contract,
        contract_hashes=tuple(texts[name] for name in hashes if name in texts),
        ticket_sha256=texts.get(TICKET_HASH),
    )
