"""A ticket: its layers and their sparsity, its contract, where it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgedf.analysis.describe.description import Cell, Description, Table
from edgedf.bundle.archive import zip_bytes
from edgedf.models import state_spec
from edgedf.ticket import Lineage, Ticket, parse_ticket
from edgedf.training.run_ticket import chosen_ticket, ticket_file


def describe_ticket(path: Path) -> Description:
    """The ticket at `path`, or the chosen ticket of a run folder.

    Raises TicketError if it is damaged, TrainingError if it is not the one that its run records.
    """
    found = chosen_ticket(path) if path.is_dir() else ticket_file(path)
    data = found.data
    ticket = parse_ticket(data, file=str(found.path))
    prunable = sum(mask.size for mask in ticket.mask.values())
    lineage = ticket.lineage
    facts = {
        "file": str(found.path),
        "sha256": found.sha256,
        "size": len(data),
        "size_zipped": len(zip_bytes({"ticket": data})),
        "architecture": ticket.arch,
        "arch_args": dict(ticket.arch_args),
        "weights": sum(value.size for value in ticket.weights.values()),
        "prunable": prunable,
        "nonzero": ticket.nonzero,
        "sparsity": round(ticket.sparsity, 6),
        "rewinds": bool(ticket.init),
        "contract": ticket.contract.to_json(),
        "recipe": dict(lineage.recipe),
        "seed": lineage.seed,
        "dataset": dict(lineage.dataset),
        "round": lineage.round,
        "parent": lineage.parent,
        "tools": dict(lineage.tools),
        "created": lineage.created or None,
    }
    return Description(kind="ticket", facts=facts, tables=(_layers(ticket), *_metrics(lineage)))


def _layers(ticket: Ticket) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name in state_spec(ticket.arch, ticket.arch_args).shapes:
        weight = ticket.weights[name]
        if name.endswith(("running_mean", "running_var")):
            continue
        shape = "x".join(str(side) for side in weight.shape) or "1"
        mask = ticket.mask.get(name)
        if mask is None:
            rows.append((name, shape, weight.size, weight.size, None))
        else:
            kept = int(mask.sum(dtype=np.int64))
            rows.append((name, shape, mask.size, kept, round(1 - kept / mask.size, 4)))
    columns = ("tensor", "shape", "weights", "kept", "sparsity")
    return Table(title="layers", columns=columns, rows=tuple(rows), right=columns[2:])


def _metrics(lineage: Lineage) -> tuple[Table, ...]:
    # An interval reads from its low end to its high one.
    found = {name for values in lineage.metrics.values() for name in values}
    names = sorted(found, key=lambda name: name.replace("_high", "_low~"))
    rows = tuple(
        (split, *(values.get(name) for name in names)) for split, values in sorted(lineage.metrics.items())
    )
    if not rows:
        return ()
    return (Table(title="metrics", columns=("split", *names), rows=rows, right=tuple(names)),)
