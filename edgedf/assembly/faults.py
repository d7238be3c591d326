"""How small a fault a build's gate finds: networks with one fault each, run and judged like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgedf.assembly.artifact import artifact_entry, on_disk
from edgedf.assembly.fault_kinds import FAULTS, Fault
from edgedf.assembly.source import Source
from edgedf.assembly.stored import F32, stored_logits
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.parity.conversion import check_conversion
from edgedf.parity.gate import Outcome
from edgedf.parity.reference import module_logits
from edgedf.parity.values import check_values

if TYPE_CHECKING:
    from edgedf.compact.graph import Graph

# Where faulty networks run: (what, precision). PyTorch stands for the float32 targets, which take seconds to
# convert; the limits are the same. The native target is converted and run for real.
WAYS = (("pytorch", "float32"), ("native", "float32"), ("native", "float16"), ("native", "int8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """One kind of fault, run one way.

    Attributes:
        fault: in words.
        ran: "pytorch" or a target.
        precision: of its weights.
        tried, refused: networks.
        largest_missed: the largest error that was let through, over the logit scale; None if none was.
        missed: layer -> faults in it that were let through.
    """

    fault: str
    ran: str
    precision: str
    tried: int
    refused: int
    largest_missed: float | None
    missed: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"share": round(self.refused / self.tried, 4)}


def fault_rows(
    source: Source,
    goldens: GoldenSet,
    *,
    count: int,
    ways: Iterable[tuple[str, str]] = WAYS,
    notify: Callable[[int, int], None] = lambda *_: None,
) -> tuple[FaultRow, ...]:
    """Measure which share of single faults the gate refuses by the golden logits alone.

    Args:
        source: the ticket; its compacted network gets the faults.
        goldens: made from it.
        count: networks of each kind, drawn without repetition; fewer where there are fewer places.
        ways: where to run them, from WAYS.
        notify: called with (networks done, networks planned).
    Raises CompactError or ConvertError if the network cannot be built at all.
    """
    from edgedf.compact import compact_ticket

    graph = compact_ticket(source.ticket).graph
    every = [(kind, tuple(make(graph, count)), way) for kind, make in FAULTS.items() for way in ways]
    planned, done = sum(len(faults) for _, faults, _ in every), 0
    rows = []
    for kind, faults, (ran, precision) in every:
        stored = stored_logits(graph, "native", precision, goldens)
        missed: list[tuple[Fault, float]] = []
        for fault in faults:
            got, same = _answers(source, fault.graph, ran, precision, goldens)
            error = _let_through(got, same, stored, precision, goldens)
            missed += [] if error is None else [(fault, error)]
            done += 1
            notify(done, planned)
        rows.append(
            FaultRow(
                fault=kind,
                ran=ran,
                precision=precision,
                tried=len(faults),
                refused=len(faults) - len(missed),
                largest_missed=max((error for _, error in missed), default=None),
                missed=dict(Counter(fault.node for fault, _ in missed)),
            )
        )
    return tuple(rows)


def _answers(source: Source, graph: Graph, ran: str, precision: str, goldens: GoldenSet) -> tuple[F32, F32]:
    """Golden logits of a faulty network, and those without rounded activations."""
    from converters import Options, convert
    from edgedf.compact.module import GraphModule
    from edgedf.runtime.backend import RoundsActivations, open_backend

    module = GraphModule(graph)
    if ran == "pytorch":
        got = module_logits(module)(goldens.crops_nhwc)
        return got, got
    artifact = convert(ran, module, source.ticket.contract, Options(precision=precision))
    with on_disk(artifact.files) as folder, open_backend(folder, artifact_entry(artifact)) as backend:
        got = backend.run(goldens.crops_nhwc)
        if not isinstance(backend, RoundsActivations):
            return got, got
        return got, backend.run_unrounded(goldens.crops_nhwc)


def _let_through(got: F32, same: F32, stored: F32 | None, precision: str, goldens: GoldenSet) -> float | None:
    """The error of logits that a build lets through, over the logit scale; None if it refuses them."""
    values, found = check_values(got, goldens, TOLERANCES[precision])
    if found is not None and stored is not None:
        values = check_conversion(values, same, stored, goldens)
    if found is None or values.outcome is Outcome.FAIL:
        return None
    return found.max_relative
