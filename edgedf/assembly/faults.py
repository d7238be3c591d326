"""How small a fault a build's gate finds: networks with one fault each, run and judged like any other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgedf.assembly.artifact import artifact_entry, on_disk
from edgedf.assembly.fault_kinds import FAULTS
from edgedf.assembly.source import Source
from edgedf.assembly.stored import F32, stored_logits
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.errors import ParityError
from edgedf.parity.conversion import check_conversion
from edgedf.parity.gate import Outcome
from edgedf.parity.reference import module_logits
from edgedf.parity.values import check_values

if TYPE_CHECKING:
    from edgedf.compact.graph import Graph

# Where faulty networks run: (what, precision). PyTorch stands for the float32 targets, which take seconds to
# convert; the limits are the same. The native target is converted and run for real.
WAYS = (("pytorch", "float32"), ("native", "float32"), ("native", "float16"), ("native", "int8"))


NO_FAULT = "no fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """One kind of fault, run one way.

    Attributes:
        fault: in words; NO_FAULT is the control, the network as it is.
        ran: "pytorch" or a target.
        precision: of its weights.
        tried, refused: networks; none tried where the network has no place for the fault.
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

    @property
    def share(self) -> float | None:
        """Refused of those tried, 0..1; None if none was tried."""
        return self.refused / self.tried if self.tried else None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"share": None if self.share is None else round(self.share, 4)}


def fault_rows(
    source: Source,
    goldens: GoldenSet,
    *,
    count: int,
    ways: Sequence[tuple[str, str]] = WAYS,
    notify: Callable[[int, int], None] = lambda *_: None,
) -> tuple[FaultRow, ...]:
    """Measure which share of single faults the gate refuses by the golden logits alone.

    The first row of each way is its control: the network without a fault, which must not be refused.

    Args:
        source: the ticket; its compacted network gets the faults.
        goldens: made from it.
        count: networks of each kind, drawn without repetition; fewer where there are fewer places.
        ways: where to run them, from WAYS.
        notify: called with (networks run, networks planned).
    Raises ParityError if a control is refused, CompactError or ConvertError if the network cannot be built.
    """
    from edgedf.compact import compact_ticket

    graph = compact_ticket(source.ticket).graph
    kinds = {kind: make(graph, count) for kind, make in FAULTS.items()}
    planned = len(ways) * (1 + sum(places for places, _ in kinds.values()))
    runs = [_Way(source, graph, goldens, ran, precision) for ran, precision in ways]
    rows = []
    for done, way in enumerate(runs, 1):
        rows.append(_control(way, graph))
        notify(done, planned)
    done = len(runs)
    for kind, (places, faults) in kinds.items():
        missed: list[list[tuple[str, float]]] = [[] for _ in runs]
        for fault in faults:
            for way, found in zip(runs, missed, strict=True):
                verdict = way.judge(fault.graph)
                if not verdict.refused:
                    found.append((fault.node, verdict.error))
                done += 1
                notify(done, planned)
        rows += [_row(kind, way, places, found) for way, found in zip(runs, missed, strict=True)]
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a build says of one network; `error` is the largest over the logit scale, NaN if unknown."""

    refused: bool
    error: float
    detail: str


class _Way:
    """One way to run networks, and what the network's own weights give that way."""

    def __init__(self, source: Source, graph: Graph, goldens: GoldenSet, ran: str, precision: str) -> None:
        self.ran, self.precision = ran, precision
        self._contract, self._goldens = source.ticket.contract, goldens
        self._stored = stored_logits(graph, "native", precision, goldens)

    def judge(self, graph: Graph) -> _Verdict:
        """Run `graph` and compare its golden logits as a build does."""
        got, same = self._answers(graph)
        values, found = check_values(got, self._goldens, TOLERANCES[self.precision])
        if found is None:
            return _Verdict(True, math.nan, values.detail)
        check = values
        if self._stored is not None and values.outcome is not Outcome.FAIL:
            check = check_conversion(same, self._stored, self._goldens)
        return _Verdict(check.outcome is Outcome.FAIL, found.max_relative, check.detail)

    def _answers(self, graph: Graph) -> tuple[F32, F32]:
        """Golden logits, and those without rounded activations."""
        from converters import Options, convert
        from edgedf.compact.module import GraphModule
        from edgedf.runtime.backend import RoundsActivations, open_backend

        module, crops = GraphModule(graph), self._goldens.crops_nhwc
        if self.ran == "pytorch":
            got = module_logits(module)(crops)
            return got, got
        artifact = convert(self.ran, module, self._contract, Options(precision=self.precision))
        with on_disk(artifact.files) as folder, open_backend(folder, artifact_entry(artifact)) as backend:
            got = backend.run(crops)
            return got, backend.run_unrounded(crops) if isinstance(backend, RoundsActivations) else got


def _control(way: _Way, graph: Graph) -> FaultRow:
    """The network as it is. Raises ParityError if it is refused: no share would then mean anything."""
    verdict = way.judge(graph)
    if verdict.refused:
        raise ParityError(
            f"the network without a fault is refused too ({verdict.detail})",
            field=f"{way.ran} {way.precision}",
            hint="the bundle's golden logits are not its ticket's; build it again",
        )
    return _row(NO_FAULT, way, 1, [("", verdict.error)])


def _row(kind: str, way: _Way, tried: int, missed: list[tuple[str, float]]) -> FaultRow:
    return FaultRow(
        fault=kind,
        ran=way.ran,
        precision=way.precision,
        tried=tried,
        refused=tried - len(missed),
        largest_missed=max((error for _, error in missed), default=None),
        missed=dict(Counter(node for node, _ in missed if node)),
    )
