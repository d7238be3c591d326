"""A ticket in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.ticket.lineage import Lineage

if TYPE_CHECKING:
    from torch import nn

Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A sparse network with its contract and lineage. Arrays are read-only by convention.

    Reading and writing check every rule of docs/formats.md; a Ticket that was only built is unchecked.

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
