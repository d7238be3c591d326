"""The ticket of a finished bundle: what its goldens, its contract and its artifacts are held to.

A bundle's goldens prove that its artifacts agree with each other. Only the ticket shows whose they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import Manifest
from edgedf.errors import BundleError, NotRunError
from edgedf.parity.gate import Check, failed, not_run, passed
from edgedf.parity.golden_check import check_golden_logits, contract_differences
from edgedf.parity.values import Evaluation

if TYPE_CHECKING:
    from edgedf.assembly.source import Source
    from edgedf.ticket import Ticket

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReference:
    """A bundle's ticket, ready to judge.

    Attributes:
        ticket: its content; its file's sha256 is the one that the bundle names.
        logits: its dense network in double precision, crops (N, S, S, 3) uint8 -> (N,) float32.
        evaluation: crops with the logits of its dense network.
    """

    ticket: Ticket
    logits: Callable[[U8], F32]
    evaluation: Evaluation


def ticket_reference(manifest: Manifest, ticket: Path, data: Path | None, limit: int) -> TicketReference:
    """The ticket that a bundle was built from, with at most `limit` evaluation crops (needs torch).

    Raises BundleError if the bundle was not built from `ticket`, NotRunError if there are no crops,
    ParityError if its network answers NaN or infinity on them.
    """
    from edgedf.assembly.evaluation import dense_evaluation, find_evaluation
    from edgedf.parity.reference import dense_logits, module_logits

    source = bundle_source(manifest, ticket)
    crops = find_evaluation(source, data, limit)
    if crops is None:
        raise NotRunError(
            "the ticket has no evaluation crops", file=ticket, hint="name a data set with --data"
        )
    module = source.ticket.module()
    return TicketReference(
        ticket=source.ticket,
        logits=dense_logits(module),
        evaluation=dense_evaluation(crops, module_logits(module)),
    )


def bundle_source(manifest: Manifest, ticket: Path) -> Source:
    """The ticket that a bundle was built from. Raises BundleError if `ticket` is another."""
    from edgedf.assembly.source import read_source

    source = read_source(ticket)
    if source.sha256 != manifest.ticket_sha256:
        raise BundleError(
            f"was built from another ticket ({manifest.ticket_sha256[:12]}..., "
            f"this one is {source.sha256[:12]}...)",
            file=manifest.name,
            field="ticket_sha256",
            hint="name the ticket it was built from",
        )
    return source


def hold_to_ticket(
    goldens: GoldenSet, manifest: Manifest, reference: TicketReference
) -> tuple[GoldenSet, tuple[Check, ...]]:
    """The goldens with the ticket's own contract and logits, and whether the bundle's are the same.

    Where the bundle's crops are of a size that the ticket's network does not take, its goldens stay as they
    are: the contract has failed then.
    """
    contract = reference.ticket.contract
    same = _check_network(manifest, reference.ticket)
    if goldens.contract.size != contract.size:
        reason = f"the goldens are crops of {goldens.contract.size} pixels, the ticket takes {contract.size}"
        return goldens, (same, not_run("logits", reason))
    own = reference.logits(goldens.crops_nhwc)
    return replace(goldens, contract=contract, logits=own), (same, check_golden_logits(goldens, own))


def _check_network(manifest: Manifest, ticket: Ticket) -> Check:
    """The manifest's contract and network are the ticket's, field by field."""
    wrong = [
        f"{name} is {found!r}, the ticket's is {own!r}"
        for name, found, own in (
            *contract_differences(manifest.contract, ticket.contract),
            ("arch", manifest.arch, ticket.arch),
            ("arch_args", dict(manifest.arch_args), dict(ticket.arch_args)),
        )
        if found != own
    ]
    return (
        failed("ticket", wrong[0], wrong) if wrong else passed("ticket", "contract and network are its own")
    )
