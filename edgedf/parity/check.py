"""Check an artifact, or any function from crops to logits, against the goldens and the evaluation crops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import ArtifactEntry, Tolerances
from edgedf.errors import EdgedfError, NotRunError
from edgedf.parity.conversion import check_conversion
from edgedf.parity.diagnose import WrongInputs, diagnose
from edgedf.parity.gate import Check, Outcome, Report, combine, failed, not_run, one_line
from edgedf.parity.structure import check_names, check_open, check_shapes
from edgedf.parity.values import (
    Evaluation,
    check_auc,
    check_flips,
    check_values,
    evaluation_difference,
    metrics,
    with_crops,
)
from edgedf.runtime.backend import Backend, RoundsActivations, open_backend

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Run = Callable[[U8], F32]

NO_EVALUATION = "no evaluation crops"


def check_artifact(
    folder: Path,
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    *,
    want_auc: bool = True,
    wrong: WrongInputs | None = None,
    ticket_sha256: str | None = None,
    stored: F32 | None = None,
    foreign: bool = False,
) -> Report:
    """Every check of one artifact in its real runtime, in the order of docs/parity.md.

    Args:
        folder: where `entry`'s files are.
        evaluation: crops with the dense network's logits; None leaves "auc" NOT RUN.
        want_auc: false leaves "auc" out where nobody asked for it.
        wrong: the dense network's answers to wrongly prepared inputs; helps to name a cause.
        ticket_sha256: the ticket that the files must name; None where nobody knows it.
        stored: what the weights as the files store them give for the goldens, see `check_conversion`; None
            where nobody knows it.
        foreign: whether somebody else may have made the files, see `open_backend`.
    Never raises for a bad artifact: what went wrong is a failed check.
    """
    form = (check_names(entry, goldens.contract), check_shapes(entry, goldens.contract))
    try:
        with open_backend(folder, entry, foreign=foreign) as backend:
            opened = check_open(backend, folder, entry, goldens.contract, ticket_sha256)
            checks, numbers = _run_checks(
                backend, entry, goldens, evaluation, (*form, opened), want_auc, wrong, stored
            )
            runtime = backend.runtime
    except NotRunError as error:
        return _stopped(entry, (*form, not_run("open", one_line(error))))
    except EdgedfError as error:
        return _stopped(entry, (*form, failed("open", one_line(error), [one_line(error)])))
    return Report(
        subject=entry.target, precision=entry.precision, runtime=runtime, checks=checks, metrics=numbers
    )


def check_function(
    subject: str,
    runtime: str,
    run: Run,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    limits: Tolerances,
) -> Report:
    """The value checks of any function that rounds no weight, such as the compacted network in PyTorch."""
    checks, numbers = value_checks(run, goldens, evaluation, limits, stored=goldens.logits)
    return Report(subject=subject, precision="float32", runtime=runtime, checks=checks, metrics=numbers)


def value_checks(
    run: Run,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    limits: Tolerances,
    want_auc: bool = True,
    wrong: WrongInputs | None = None,
    stored: F32 | None = None,
    unrounded: Run | None = None,
) -> tuple[tuple[Check, ...], dict[str, object]]:
    """Values, conversion, flips and AUC of `run`, and the numbers behind them.

    Args:
        stored: see `check_conversion`; None leaves "conversion" out.
        unrounded: what is compared with `stored` instead of `run` where that rounds activations.
    """
    got = run(goldens.crops_nhwc)
    values, golden = check_values(got, goldens, limits)
    if golden is None:
        return (values,), {}
    logits: tuple[Check, ...] = (values,)
    if stored is not None and values.outcome is not Outcome.FAIL:
        same = got if unrounded is None else unrounded(goldens.crops_nhwc)
        conversion = check_conversion(same, stored, goldens)
        # Where the contrast is too low for values, agreement shows nothing; a difference does.
        if Outcome.PASS is values.outcome or conversion.outcome is Outcome.FAIL:
            logits = (values, conversion)
    if logits[-1].outcome is Outcome.FAIL and (
        cause := diagnose(run, got, goldens, wrong, limits.max_logit_error)
    ):
        logits = (*logits[:-1], replace(logits[-1], detail=f"{cause}; {logits[-1].detail}"))
    if evaluation is None:
        auc_missing = (not_run("auc", NO_EVALUATION),) if want_auc else ()
        checks = (*logits, check_flips(golden, None, goldens, limits), *auc_missing)
        return checks, metrics(golden, None, None)
    answers = run(evaluation.crops_nhwc)
    crops = evaluation_difference(answers, evaluation, goldens.contract)
    if isinstance(crops, str):
        flips = check_flips(golden, None, goldens, limits)
        return (*logits, flips, failed("auc", crops, [crops])), metrics(golden, None, None)
    values = with_crops(logits[0], answers, evaluation, crops, limits)
    logits, auc = (values, *logits[1:]), check_auc(answers, evaluation, limits)
    return (*logits, check_flips(golden, crops, goldens, limits), auc), metrics(golden, crops, auc)


def _run_checks(
    backend: Backend,
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    form: tuple[Check, ...],
    want_auc: bool,
    wrong: WrongInputs | None,
    stored: F32 | None,
) -> tuple[tuple[Check, ...], dict[str, object]]:
    """Values only where the form is right: a wrong layout would compare noise."""
    if combine(check.outcome for check in form) is Outcome.FAIL:
        return (*form, not_run("values", "names, shapes or contract are wrong")), {}
    unrounded = backend.run_unrounded if isinstance(backend, RoundsActivations) else None
    try:
        checks, numbers = value_checks(
            backend.run, goldens, evaluation, entry.tolerances, want_auc, wrong, stored, unrounded
        )
    except EdgedfError as error:
        return (*form, failed("values", one_line(error), [one_line(error)])), {}
    return (*form, *checks), numbers


def _stopped(entry: ArtifactEntry, checks: tuple[Check, ...]) -> Report:
    return Report(subject=entry.target, precision=entry.precision, checks=checks, metrics={})
