"""What makes a ticket sound: the rules that reading and writing both check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import ModelError, TicketError
from edgedf.ticket.lineage import check_lineage
from edgedf.ticket.ticket import Tensors, Ticket


def check_ticket(ticket: Ticket, file: str) -> None:
    """Every rule of the format. Raises TicketError at the first one broken; `file` is for messages."""
    from edgedf.models import architecture, state_spec

    check_lineage(ticket.lineage, file=file)
    try:
        spec = state_spec(ticket.arch, ticket.arch_args)
        default_size = architecture(ticket.arch).default_size
    except ModelError as error:
        raise TicketError(error.problem, file=file, field=error.field, hint=error.hint) from error
    if ticket.arch_args.get("size", default_size) != ticket.contract.size:
        raise TicketError("differs from the network's input size", file=file, field="contract.size")
    prunable = {name: spec.shapes[name] for name in spec.prunable}
    _check_group("weights", ticket.weights, spec.shapes, np.float32, file)
    _check_group("mask", ticket.mask, prunable, np.uint8, file)
    if ticket.init:
        _check_group("init", ticket.init, spec.shapes, np.float32, file)
    for group, tensors in (("weights", ticket.weights), ("init", ticket.init)):
        for name, value in tensors.items():
            if name.endswith("running_var") and bool((value < 0).any()):
                raise TicketError("has a negative variance", file=file, field=f"{group}/{name}")
    for name, mask in ticket.mask.items():
        _check_mask(name, mask, ticket.weights[name], file)
    if abs(ticket.lineage.sparsity - ticket.sparsity) > 1e-6:
        stated, real = ticket.lineage.sparsity, ticket.sparsity
        raise TicketError(f"says {stated:.6f}, the mask has {real:.6f}", file=file, field="lineage.sparsity")


def _check_group(
    group: str, got: Tensors, want: Mapping[str, tuple[int, ...]], dtype: Any, file: str
) -> None:
    """Names, dtypes, shapes and finiteness of one group of tensors."""
    if odd := sorted(set(got) ^ set(want)):
        verb = "unexpected" if odd[0] in got else "missing"
        raise TicketError(f"{verb} tensor", file=file, field=f"{group}/{odd[0][:80]}")
    for name, value in got.items():
        field = f"{group}/{name}"
        if value.dtype != dtype:
            raise TicketError(f"is {value.dtype}, expected {np.dtype(dtype)}", file=file, field=field)
        if tuple(value.shape) != tuple(want[name]):
            problem = f"has shape {tuple(value.shape)}, expected {tuple(want[name])}"
            raise TicketError(problem, file=file, field=field)
        if dtype == np.float32 and not bool(np.isfinite(value).all()):
            raise TicketError("holds NaN or infinity", file=file, field=field)


def _check_mask(name: str, mask: npt.NDArray[Any], weight: npt.NDArray[Any], file: str) -> None:
    if bool((mask > 1).any()):
        raise TicketError("is not binary", file=file, field=f"mask/{name}")
    if not bool(mask.any()):
        raise TicketError("empties its whole layer", file=file, field=f"mask/{name}", hint="prune less")
    # Zero of either sign: a negative weight times a zero mask is -0.0.
    if bool(((weight != 0) & (mask == 0)).any()):
        raise TicketError("is nonzero where its mask is zero", file=file, field=f"weights/{name}")
