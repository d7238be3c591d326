"""What a model file says of itself against what its bundle says: whoever uses a bundle asks this first.

Programs without a manifest go by the file. Where the two differ, one of them decides wrongly.
"""

from __future__ import annotations

from edgedf.contract import Contract
from edgedf.errors import BundleError, ContractError
from edgedf.runtime.backend import Backend, CarriesContract


def carried_problems(backend: Backend, contract: Contract, ticket_sha256: str | None) -> tuple[str, ...]:
    """Every way in which the opened file contradicts the bundle; () where it does not, or carries nothing.

    Args:
        ticket_sha256: the ticket that the bundle names; None asks for no ticket.
    Raises BundleError if the file should carry a contract and does not, or a damaged one.
    """
    if not isinstance(backend, CarriesContract):
        return ()
    try:
        carried, expected = backend.carried_contract(), contract.to_json()
    except ContractError as error:
        raise BundleError(error.problem, file=error.file, field=error.field, hint=error.hint) from error
    wrong = [
        f"the file carries contract.{name} {value!r}, the bundle says {expected[name]!r}"
        for name, value in carried.contract.items()
        if value != expected[name]
    ]
    wrong += [
        f"the file carries contract_sha256 {found[:12]!r}..., the bundle's is {contract.sha256[:12]}..."
        for found in carried.contract_hashes
        if found != contract.sha256
    ]
    if ticket_sha256 is not None and carried.ticket_sha256 != ticket_sha256:
        found = "no ticket" if carried.ticket_sha256 is None else f"ticket {carried.ticket_sha256[:12]!r}..."
        wrong.append(f"the file carries {found}, the bundle was built from {ticket_sha256[:12]}...")
    return tuple(wrong)
