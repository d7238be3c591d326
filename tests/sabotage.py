"""Artifacts of a lively ticket and the gate's report on them, for tests that sabotage them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from converters import Artifact, Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.part import check_files
from edgedf.assembly.stored import stored_logits
from edgedf.bundle.golden import GoldenSet
from edgedf.compact import Compacted, compact_ticket
from edgedf.compact.graph import Graph
from edgedf.compact.module import GraphModule
from edgedf.parity.gate import Check, Outcome, Report
from edgedf.parity.golden import make_goldens
from edgedf.parity.reference import dense_logits, wrong_inputs
from tests.parity_samples import lively_ticket

TARGETS = ("executorch", "coreml", "tflite", "native")
# Where weights are rounded to 11 or 8 bits the bundle's limits are wider, but the gate is not blind.
ROUNDED = (("tflite", "float16"), ("native", "float16"), ("native", "int8"))
FORMS = (*((target, "float32") for target in TARGETS), *ROUNDED, ("coreml", "float16"))
SIZE = 64
TICKET = "ab" * 32


@lru_cache(maxsize=2)
def compacted(seed: int = 0) -> Compacted:
    return compact_ticket(lively_ticket(size=SIZE, seed=seed))


@lru_cache(maxsize=1)
def own_goldens() -> GoldenSet:
    ticket = lively_ticket(size=SIZE)
    return make_goldens(ticket.contract, [], dense_logits(ticket.module()))


@lru_cache(maxsize=32)
def artifact(target: str, sabotage: Callable[[Graph], Graph], precision: str = "float32") -> Artifact:
    module = GraphModule(sabotage(compacted().graph))
    return convert(target, module, lively_ticket(size=SIZE).contract, options(precision))


def options(precision: str) -> Options:
    return Options(precision=precision, metadata={"edgedf.ticket_sha256": TICKET})


def gate_report(artifact: Artifact, files: Mapping[str, bytes] | None = None) -> Report:
    """What the gate of a build says, without evaluation crops."""
    return check_files(
        artifact.files if files is None else files,
        artifact_entry(artifact),
        own_goldens(),
        None,
        wrong_inputs(lively_ticket(size=SIZE).module()),
        TICKET,
        stored_logits(compacted().graph, artifact.target, artifact.precision, own_goldens()),
    )


def failed_check(report: Report) -> Check:
    """The one failed check."""
    assert report.outcome is Outcome.FAIL
    (check,) = [check for check in report.checks if check.outcome is Outcome.FAIL]
    assert check.failures
    return check


def honest(graph: Graph) -> Graph:
    return graph
