"""The build: compact, convert, check in the real runtime, and only then write."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedf.assembly.evaluation import EvaluationCrops, dense_evaluation
from edgedf.assembly.part import Step, make_part
from edgedf.assembly.result import BuildResult
from edgedf.assembly.source import Source
from edgedf.bundle.golden import GoldenSet, golden_files
from edgedf.bundle.manifest import ArtifactEntry, Manifest
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.bundle.writer import (
    check_replaceable,
    check_zip_replaceable,
    file_entries,
    write_bundle,
    write_zip,
)
from edgedf.parity.check import check_function
from edgedf.parity.compare import auc_of
from edgedf.parity.gate import Outcome, Report, accepted, combine
from edgedf.parity.golden import FACE_SEED, FACES, make_goldens
from edgedf.parity.golden_check import check_goldens
from edgedf.parity.reference import dense_logits, module_logits
from edgedf.parity.values import Evaluation

if TYPE_CHECKING:
    from edgedf.compact import Compacted


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What to build and where.

    Attributes:
        precisions: target -> precision, in the order of the table.
        out: the bundle's folder.
        archive: where the .zip goes, or None.
        accept_not_run: checks and targets whose NOT RUN keeps no bundle from being written.
        notify: called with the name of each step as it starts.
        started: when the user began to wait, by `time.perf_counter`.
    """

    precisions: Mapping[str, str]
    out: Path
    archive: Path | None = None
    accept_not_run: tuple[str, ...] = ()
    notify: Step = lambda _: None
    started: float = field(default_factory=time.perf_counter)


def steps(options: BuildOptions) -> int:
    """How many times `notify` will be called."""
    return 3 + 2 * len(options.precisions)


def build(source: Source, crops: EvaluationCrops | None, options: BuildOptions) -> BuildResult:
    """Build a bundle, if the gate lets it.

    A failed check, or one that did not run and was not accepted, writes nothing: `bundle` is then None and an
    older bundle at `out` stays as it was. Raises CompactError or ConvertError if the network cannot be built
    at all, FileError if `out` holds something else or the disk is full.
    """
    check_replaceable(options.out)
    if options.archive is not None:
        check_zip_replaceable(options.archive)
    options.notify("compact")
    from edgedf.compact import compact_ticket

    compacted = compact_ticket(source.ticket)
    options.notify("golden vectors")
    goldens, evaluation, references = _reference(source, compacted, crops)
    files = golden_files(goldens)
    parts = [
        make_part(source, compacted, target, precision, goldens, evaluation, options.notify)
        for target, precision in options.precisions.items()
    ]
    reports = (*references, *(part.result.report for part in parts))
    outcome = combine(report.outcome for report in reports)
    manifest = _manifest(source, files, tuple(part.entry for part in parts))
    for part in parts:
        files = files | dict(part.artifact.files)
    options.notify("write")
    allowed = outcome is Outcome.PASS or (
        outcome is Outcome.NOT_RUN and accepted(reports, options.accept_not_run)
    )
    if allowed:
        _write(options, manifest, files)
    return BuildResult(
        name=source.name,
        ticket=source.path,
        ticket_sha256=source.sha256,
        compaction=compacted.report.to_json(),
        evaluation=None if evaluation is None else evaluation.source,
        dense_auc=None if evaluation is None else auc_of(evaluation.logits, evaluation.labels),
        references=references,
        targets=tuple(part.result for part in parts),
        bundle=options.out if allowed else None,
        archive=options.archive if allowed else None,
        golden_bytes=sum(entry.size for entry in manifest.golden),
        seconds=time.perf_counter() - options.started,
    )


def _reference(
    source: Source, compacted: Compacted, crops: EvaluationCrops | None
) -> tuple[GoldenSet, Evaluation | None, tuple[Report, ...]]:
    """The goldens, the evaluation with dense logits, and the reports of both PyTorch networks."""
    from edgedf.data.synth import golden_faces

    dense = source.ticket.module()
    contract = source.ticket.contract
    goldens = make_goldens(contract, golden_faces(FACES, FACE_SEED), dense_logits(dense))
    run_dense = module_logits(dense)
    evaluation = None if crops is None else dense_evaluation(crops, run_dense)
    limits = TOLERANCES["float32"]
    import torch

    runtime = f"PyTorch {torch.__version__.partition('+')[0]}"
    run_small = module_logits(compacted.module)
    return (
        goldens,
        evaluation,
        (
            check_goldens(goldens, contract),
            check_function("dense", runtime, run_dense, goldens, evaluation, limits),
            check_function("compacted", runtime, run_small, goldens, evaluation, limits),
        ),
    )


def _manifest(source: Source, golden: Mapping[str, bytes], entries: tuple[ArtifactEntry, ...]) -> Manifest:
    ticket = source.ticket
    return Manifest(
        name=source.name,
        contract=ticket.contract,
        arch=ticket.arch,
        arch_args=dict(ticket.arch_args),
        ticket_sha256=source.sha256,
        lineage=_lineage(source),
        golden=file_entries(golden),
        artifacts=entries,
    )


def _lineage(source: Source) -> dict[str, Any]:
    """The ticket's lineage as the manifest carries it."""
    lineage = source.ticket.lineage
    kept = sum(int(np.count_nonzero(mask)) for mask in source.ticket.mask.values())
    return {
        "recipe": dict(lineage.recipe),
        "seed": lineage.seed,
        "dataset": dict(lineage.dataset),
        "round": lineage.round,
        "sparsity": lineage.sparsity,
        "nonzero": kept,
        "metrics": {split: dict(values) for split, values in lineage.metrics.items()},
        "parent": lineage.parent,
        "tools": dict(lineage.tools),
        "created": lineage.created,
    }


def _write(options: BuildOptions, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    write_bundle(options.out, manifest, files)
    if options.archive is not None:
        write_zip(options.archive, manifest, files)
