"""What compaction did: per layer what left and why, and the proof that the network is still the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One convolution or linear layer of the network before compaction.

    Attributes:
        name: the layer's name in the PyTorch module.
        kind: "conv" or "linear".
        inputs, outputs: channels (or units) before and after.
        weights: stored weights without biases, before and after.
        nonzero: weights other than zero, before and after.
        dead: outputs that left because nothing behind them reads them.
        constant: outputs that left because they are the same for every picture; their value went into
            the biases of the next layer, or into the one constant channel that stays for it.
    A layer that left whole has 0 after the change in every pair.
    """

    name: str
    kind: str
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    weights: tuple[int, int]
    nonzero: tuple[int, int]
    dead: int
    constant: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How well the compacted network agrees with the masked dense one, both in PyTorch float32.

    Attributes:
        max_error: largest |compacted - dense| logit over the inputs.
        logit_peak: largest |dense| logit over the inputs, at least 1, which is the unit of a log-odds.
        inputs: number of pictures compared.
    """

    max_error: float
    logit_peak: float
    inputs: int

    @property
    def relative_error(self) -> float:
        """`max_error / logit_peak`."""
        return self.max_error / self.logit_peak


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactReport:
    """The whole rewrite.

    Attributes:
        layers: one entry per convolution and linear layer, in the order of the network.
        nodes: steps of the graph before and after.
        rounds: passes until nothing changed any more, the last and idle one included.
        constant_logit: the logit, where the network gives the same one for every picture; else None.
        proof: filled in by `compact_ticket`; None for a graph compacted on its own.
    """

    layers: tuple[LayerReport, ...]
    nodes: tuple[int, int]
    rounds: int
    constant_logit: float | None = None
    proof: Proof | None = None

    @property
    def weights(self) -> tuple[int, int]:
        """Stored weights of all layers, before and after."""
        return sum(entry.weights[0] for entry in self.layers), sum(e.weights[1] for e in self.layers)

    @property
    def channels(self) -> tuple[int, int]:
        """Outputs of all layers, before and after."""
        return sum(entry.outputs[0] for entry in self.layers), sum(e.outputs[1] for e in self.layers)

    def with_proof(self, proof: Proof) -> CompactReport:
        """This report with the proof filled in."""
        return replace(self, proof=proof)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        result = asdict(self) | {"weights": list(self.weights), "channels": list(self.channels)}
        if self.proof is not None:
            result["proof"]["relative_error"] = self.proof.relative_error
        return result
