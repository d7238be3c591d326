"""Read, check and write ticket files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.errors import ContractError, TicketError
from edgedf.files import canonical_json, parse_json, read_bytes, sha256_bytes, write_atomic
from edgedf.ticket.container import MAX_HEADER_BYTES, container_bytes, read_container
from edgedf.ticket.lineage import Lineage, check_plain
from edgedf.ticket.rules import check_ticket
from edgedf.ticket.ticket import Tensors, Ticket

FORMAT_VERSION = 1
MAX_TICKET_BYTES = 1 << 30
_FIELDS = ("format_version", "arch", "arch_args", "contract", "lineage")


def read_ticket(path: Path) -> Ticket:
    """Read and check a ticket. Raises TicketError that names tensor and reason, FileError if unreadable."""
    return parse_ticket(read_bytes(path, max_bytes=MAX_TICKET_BYTES), file=str(path))


def parse_ticket(data: bytes, *, file: str) -> Ticket:
    """The ticket in `data`; its arrays are read-only views of it, `file` is only for messages.

    Raises TicketError naming tensor or field and reason.
    """
    text, flat = read_container(data, file=file)
    header = _header(text, file)
    groups = _groups(flat, file)
    try:
        contract = Contract.from_json(header["contract"], file=file)
    except ContractError as error:
        raise TicketError(error.problem, file=file, field=error.field) from error
    if not isinstance(header["arch"], str) or not isinstance(header["arch_args"], dict):
        raise TicketError("is not a name with a table of arguments", file=file, field="arch")
    check_plain(header["arch_args"], "arch_args", file=file)
    ticket = Ticket(
        arch=header["arch"],
        arch_args=MappingProxyType(header["arch_args"]),
        weights=groups["weights"],
        mask=groups["mask"],
        init=groups["init"],
        contract=contract,
        lineage=Lineage.from_json(header["lineage"], file=file),
    )
    check_ticket(ticket, file)
    return ticket


def _header(text: str, file: str) -> dict[str, Any]:
    """The JSON document of the metadata, its version and field names checked."""
    header: Any = parse_json(text, file=file, error=TicketError)
    version = header.get("format_version") if isinstance(header, dict) else None
    if version != FORMAT_VERSION or isinstance(version, bool | float):
        raise TicketError(
            f"format version {str(version)[:40]}, this edgedf reads version {FORMAT_VERSION}",
            file=file,
            field="format_version",
            hint="use the edgedf that wrote it, or train again",
        )
    if odd := sorted(set(header) ^ set(_FIELDS)):
        verb = "unknown" if odd[0] in header else "missing"
        raise TicketError(f"{verb} field", file=file, field=odd[0][:60])
    return dict(header)


def _groups(flat: Mapping[str, npt.NDArray[Any]], file: str) -> dict[str, Tensors]:
    """The tensors, split by their group prefix."""
    groups: dict[str, dict[str, npt.NDArray[Any]]] = {"weights": {}, "mask": {}, "init": {}}
    for name, value in flat.items():
        group, _, key = name.partition("/")
        if group not in groups or not key:
            raise TicketError("unexpected tensor", file=file, field=name[:80])
        groups[group][key] = value
    return {group: MappingProxyType(part) for group, part in groups.items()}


def write_ticket(path: Path, ticket: Ticket) -> str:
    """Check and write a ticket atomically; returns the file's sha256.

    Equal tickets give equal bytes. Raises TicketError if the ticket breaks a rule that reading checks.
    """
    data = ticket_bytes(ticket, name=str(path))
    write_atomic(path, data)
    return sha256_bytes(data)


def ticket_bytes(ticket: Ticket, *, name: str = "ticket") -> bytes:
    """The bytes that `write_ticket` writes; `name` is for messages."""
    check_ticket(ticket, name)
    groups = {"weights": ticket.weights, "mask": ticket.mask, "init": ticket.init}
    tensors = {
        f"{group}/{key}": np.ascontiguousarray(value)
        for group, part in groups.items()
        for key, value in part.items()
    }
    header = {
        "format_version": FORMAT_VERSION,
        "arch": ticket.arch,
        "arch_args": dict(ticket.arch_args),
        "contract": ticket.contract.to_json(),
        "lineage": ticket.lineage.to_json(),
    }
    text = canonical_json(header).decode()
    # The text is quoted once more inside the header; half of the limit leaves room for that and the tensors.
    if len(text.encode()) > MAX_HEADER_BYTES // 2:
        raise TicketError(
            f"takes {len(text)} bytes, the limit is {MAX_HEADER_BYTES // 2}", file=name, field="lineage"
        )
    return container_bytes(text, tensors)
