"""The ticket: one .safetensors file with a sparse network, where it came from, and what it expects.

Tensors `weights/<name>`, `mask/<name>` (uint8 0/1, prunable parameters only), `init/<name>`;
metadata key `edgedf` holds one JSON document. docs/formats.md describes every byte.
"""

from edgedf.ticket.file import (
    FORMAT_VERSION,
    MAX_TICKET_BYTES,
    parse_ticket,
    read_ticket,
    ticket_bytes,
    write_ticket,
)
from edgedf.ticket.lineage import Lineage
from edgedf.ticket.ticket import Tensors, Ticket

__all__ = [
    "FORMAT_VERSION",
    "MAX_TICKET_BYTES",
    "Lineage",
    "Tensors",
    "Ticket",
    "parse_ticket",
    "read_ticket",
    "ticket_bytes",
    "write_ticket",
]
