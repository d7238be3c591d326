"""The ticket: one .safetensors file with a sparse network, where it came from, and what it expects.

Tensors `weights/<name>`, `mask/<name>` (uint8 0/1, prunable parameters only), `init/<name>`;
metadata key `edgedf` holds one JSON document. docs/formats.md describes every byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.errors import ContractError, ModelError, TicketError
from edgedf.files import canonical_json, parse_json, read_bytes, sha256_bytes, write_atomic

if TYPE_CHECKING:
    from torch import nn

FORMAT_VERSION = 1
METADATA_KEY = "edgedf"
MAX_TICKET_BYTES = 1 << 30

Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a ticket came from.

    Attributes:
        recipe: name and settings of the training run.
        seed: seed of weights and data order.
        dataset: name and fingerprint (sha256 of the index) of the data, and what it was.
        round: number of pruning rounds behind the mask; 0 is dense.
        sparsity: share of zeros among the prunable weights, 0..1.
        metrics: split name -> metric name -> value.
        parent: sha256 of the ticket of the round before, or None.
        tools: package name -> version.
        created: date as YYYY-MM-DD, or "" where reproducible bytes matter more.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    dataset: Mapping[str, Any] = field(default_factory=dict)
    round: int = 0
    sparsity: float = 0.0
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    parent: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A checked ticket in memory. Arrays are read-only by convention.

    Attributes:
        arch, arch_args: registry name and keyword arguments.
        weights: every state tensor, float32, already zero where the mask is zero.
        mask: uint8 0/1 per prunable parameter, same shape as its weight.
        init: the tensors training rewinds to, float32; may be empty for a foreign model.
        contract: what goes in and comes out.
        lineage: where it came from.
    """

    arch: str
    arch_args: Mapping[str, Any]
    weights: Tensors
    mask: Tensors
    init: Tensors
    contract: Contract
    lineage: Lineage

    @property
    def sparsity(self) -> float:
        """Share of zeros in the mask, 0..1."""
        total = sum(m.size for m in self.mask.values())
        return 1.0 - self.nonzero / total if total else 0.0

    @property
    def nonzero(self) -> int:
        """Number of prunable weights that the mask keeps."""
        return sum(int(m.sum(dtype=np.int64)) for m in self.mask.values())

    def module(self) -> nn.Module:
        """The masked dense network in evaluation mode, on the CPU, with this ticket's weights."""
        import torch

        from edgedf.models import build_model

        model = build_model(self.arch, self.arch_args)
        state = {name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()}
        model.load_state_dict(state, strict=False)  # strict=False: batch norm's step counters are not kept
        return model.eval().requires_grad_(False)


def write_ticket(path: Path, ticket: Ticket) -> str:
    """Check and write a ticket atomically; returns the file's sha256.

    Equal tickets give equal bytes. Raises TicketError if the ticket breaks a rule that reading checks.
    """
    data = ticket_bytes(ticket, name=str(path))
    write_atomic(path, data)
    return sha256_bytes(data)


def ticket_bytes(ticket: Ticket, *, name: str = "ticket") -> bytes:
    """The bytes that `write_ticket` writes."""
    from safetensors.numpy import save

    _check(ticket, name)
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
        "lineage": asdict(ticket.lineage),
    }
    return save(dict(sorted(tensors.items())), metadata={METADATA_KEY: canonical_json(header).decode()})


def read_ticket(path: Path) -> Ticket:
    """Read and check a ticket. Raises TicketError that names tensor and reason, FileError if unreadable."""
    return parse_ticket(read_bytes(path, max_bytes=MAX_TICKET_BYTES), file=str(path))


def parse_ticket(data: bytes, *, file: str) -> Ticket:
    """The ticket in `data`; `file` is only for messages. Raises TicketError."""
    header = _header(data, file)
    groups = _tensors(data, file)
    try:
        ticket = Ticket(
            arch=_field(header, "arch", str, file),
            arch_args=MappingProxyType(_field(header, "arch_args", dict, file)),
            weights=groups["weights"],
            mask=groups["mask"],
            init=groups["init"],
            contract=Contract.from_json(header.get("contract"), file=file),
            lineage=_lineage(_field(header, "lineage", dict, file), file),
        )
    except ContractError as error:
        raise TicketError(error.problem, file=file, field=error.field) from error
    _check(ticket, file)
    return ticket


def _header(data: bytes, file: str) -> dict[str, Any]:
    """The JSON document in the safetensors metadata, with its format version checked."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, 100_000_000):
        raise TicketError(
            "not a safetensors file, or cut short", file=file, hint="copy or train the ticket again"
        )
    outer = parse_json(data[8 : 8 + length], file=file, error=TicketError)
    metadata = outer.get("__metadata__") if isinstance(outer, dict) else None
    text = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise TicketError(
            "has no edgedf metadata: a safetensors file, but not a ticket",
            file=file,
            field=METADATA_KEY,
            hint="tickets are written by `edgedf train`",
        )
    header: Any = parse_json(text, file=file, error=TicketError)
    version = header.get("format_version") if isinstance(header, dict) else None
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise TicketError(
            f"format version {str(version)[:40]}, this edgedf reads version {FORMAT_VERSION}",
            file=file,
            field="format_version",
            hint="use the edgedf that wrote it, or train again",
        )
    if odd := sorted(set(header) ^ {"format_version", "arch", "arch_args", "contract", "lineage"}):
        raise TicketError("unknown or missing field", file=file, field=odd[0][:60])
    return dict(header)


def _tensors(data: bytes, file: str) -> dict[str, Tensors]:
    """The tensors, split by their group prefix."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        flat = load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise TicketError(
            f"damaged ({str(error)[:200]})", file=file, hint="copy or train the ticket again"
        ) from error
    groups: dict[str, dict[str, npt.NDArray[Any]]] = {"weights": {}, "mask": {}, "init": {}}
    for name, value in flat.items():
        group, _, key = name.partition("/")
        if group not in groups or not key:
            raise TicketError("unexpected tensor", file=file, field=name[:80])
        groups[group][key] = value
    return {group: MappingProxyType(part) for group, part in groups.items()}


def _field(header: Mapping[str, Any], name: str, kind: type, file: str) -> Any:
    value = header[name]
    if not isinstance(value, kind):
        raise TicketError(f"is not a {kind.__name__}", file=file, field=name)
    return value


_LINEAGE_TYPES: Mapping[str, tuple[type, ...]] = {
    "recipe": (dict,),
    "seed": (int,),
    "dataset": (dict,),
    "round": (int,),
    "sparsity": (float, int),
    "metrics": (dict,),
    "parent": (str, type(None)),
    "tools": (dict,),
    "created": (str,),
}


def _lineage(value: Mapping[str, Any], file: str) -> Lineage:
    if odd := sorted(set(value) ^ set(_LINEAGE_TYPES)):
        raise TicketError("unknown or missing field", file=file, field=f"lineage.{odd[0][:60]}")
    for name, kinds in _LINEAGE_TYPES.items():
        if not isinstance(value[name], kinds) or isinstance(value[name], bool):
            raise TicketError("has the wrong type", file=file, field=f"lineage.{name}")
    for split, metrics in value["metrics"].items():
        if not isinstance(metrics, dict) or not all(_is_number(v) for v in metrics.values()):
            raise TicketError("is not a table of numbers", file=file, field=f"lineage.metrics.{split[:60]}")
    if not all(isinstance(version, str) for version in value["tools"].values()):
        raise TicketError("is not a table of texts", file=file, field="lineage.tools")
    return Lineage(**value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check(ticket: Ticket, file: str) -> None:
    """Every rule of the format. Raises TicketError at the first one broken."""
    from edgedf.models import state_spec

    try:
        spec = state_spec(ticket.arch, ticket.arch_args)
    except ModelError as error:
        raise TicketError(error.problem, file=file, field=error.field, hint=error.hint) from error
    prunable = {name: spec.shapes[name] for name in spec.prunable}
    _check_group("weights", ticket.weights, spec.shapes, np.float32, file)
    _check_group("mask", ticket.mask, prunable, np.uint8, file)
    if ticket.init:
        _check_group("init", ticket.init, spec.shapes, np.float32, file)
    if ticket.arch_args.get("size", ticket.contract.size) != ticket.contract.size:
        raise TicketError("differs from arch_args.size", file=file, field="contract.size")
    for name, value in ticket.weights.items():
        if name.endswith("running_var") and bool((value < 0).any()):
            raise TicketError("has a negative variance", file=file, field=f"weights/{name}")
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
        if value.dtype != dtype:
            raise TicketError(
                f"is {value.dtype}, expected {np.dtype(dtype)}", file=file, field=f"{group}/{name}"
            )
        if tuple(value.shape) != tuple(want[name]):
            problem = f"has shape {tuple(value.shape)}, expected {tuple(want[name])}"
            raise TicketError(problem, file=file, field=f"{group}/{name}")
        if dtype == np.float32 and not bool(np.isfinite(value).all()):
            raise TicketError("holds NaN or infinity", file=file, field=f"{group}/{name}")


def _check_mask(name: str, mask: npt.NDArray[Any], weight: npt.NDArray[Any], file: str) -> None:
    if bool((mask > 1).any()):
        raise TicketError("is not binary", file=file, field=f"mask/{name}")
    if not bool(mask.any()):
        raise TicketError("empties its whole layer", file=file, field=f"mask/{name}", hint="prune less")
    if bool(((weight != 0) & (mask == 0)).any()):
        raise TicketError("is nonzero where its mask is zero", file=file, field=f"weights/{name}")
