"""Check a bundle's parts: the goldens against the contract and the crop core, an artifact against both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import ArtifactEntry, Tolerances
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.contract import Contract
from edgedf.errors import CropError, EdgedfError, NotRunError
from edgedf.parity.diagnose import WrongInputs, diagnose
from edgedf.parity.gate import Check, Outcome, Report, combine, failed, not_run, passed
from edgedf.parity.golden import golden_crop
from edgedf.parity.structure import check_names, check_open, check_shapes
from edgedf.parity.values import (
    Evaluation,
    check_auc,
    check_flips,
    check_values,
    contrast,
    contrast_problem,
    evaluation_difference,
    metrics,
    rounded,
)
from edgedf.runtime.backend import Backend, open_backend

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Run = Callable[[U8], F32]

NO_EVALUATION = "no evaluation crops"


def check_goldens(goldens: GoldenSet, contract: Contract) -> Report:
    """The goldens belong to this contract, can tell artifacts apart, and their crops are equal to the bit."""
    checks = (
        _check_contract(goldens.contract, contract),
        _check_contrast(goldens),
        _check_crops(goldens),
    )
    return Report(subject="goldens", checks=checks, metrics={"pictures": len(goldens.pictures)})


def check_artifact(
    folder: Path,
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    *,
    want_auc: bool = True,
    wrong: WrongInputs | None = None,
    ticket_sha256: str | None = None,
) -> Report:
    """Every check of one artifact in its real runtime: names, shapes, values, flips, AUC, in that order.

    Args:
        folder: where `entry`'s files are.
        evaluation: crops with the dense network's logits; None leaves "auc" NOT RUN.
        want_auc: false leaves "auc" out where nobody asked for it.
        wrong: the dense network's answers to wrongly prepared inputs; helps to name a cause.
        ticket_sha256: the ticket that the files must name; None where nobody knows it.
    Never raises for a bad artifact: what went wrong is a failed check.
    """
    form = (check_names(entry, goldens.contract), check_shapes(entry, goldens.contract))
    try:
        with open_backend(folder, entry) as backend:
            opened = check_open(backend, goldens.contract, ticket_sha256)
            checks, numbers = _run_checks(
                backend, entry, goldens, evaluation, (*form, opened), want_auc, wrong
            )
            runtime = backend.runtime
    except NotRunError as error:
        return _stopped(entry, (*form, not_run("open", _one_line(error))))
    except EdgedfError as error:
        return _stopped(entry, (*form, failed("open", _one_line(error), [_one_line(error)])))
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
    """The value checks of any function from crops to logits, such as the compacted network in PyTorch."""
    checks, numbers = value_checks(run, goldens, evaluation, limits)
    return Report(subject=subject, precision="float32", runtime=runtime, checks=checks, metrics=numbers)


def value_checks(
    run: Run,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    limits: Tolerances,
    want_auc: bool = True,
    wrong: WrongInputs | None = None,
) -> tuple[tuple[Check, ...], dict[str, object]]:
    """Values, flips and AUC of `run`, and the numbers behind them."""
    got = run(goldens.crops_nhwc)
    values, golden = check_values(got, goldens, limits)
    if golden is None:
        return (values,), {}
    if values.outcome is Outcome.FAIL and (
        cause := diagnose(run, got, goldens, wrong, limits.max_logit_error)
    ):
        values = failed(
            "values",
            f"{cause}; {values.detail}",
            values.failures,
            measured=values.measured,
            allowed=values.allowed,
        )
    if evaluation is None:
        auc_missing = (not_run("auc", NO_EVALUATION),) if want_auc else ()
        checks = (values, check_flips(golden, None, goldens, limits), *auc_missing)
        return checks, metrics(golden, None, None)
    answers = run(evaluation.crops_nhwc)
    crops = evaluation_difference(answers, evaluation, goldens.contract)
    if isinstance(crops, str):
        flips = check_flips(golden, None, goldens, limits)
        return (values, flips, failed("auc", crops, [crops])), metrics(golden, None, None)
    auc = check_auc(answers, evaluation, limits)
    return (values, check_flips(golden, crops, goldens, limits), auc), metrics(golden, crops, auc)


def _run_checks(
    backend: Backend,
    entry: ArtifactEntry,
    goldens: GoldenSet,
    evaluation: Evaluation | None,
    form: tuple[Check, ...],
    want_auc: bool,
    wrong: WrongInputs | None,
) -> tuple[tuple[Check, ...], dict[str, object]]:
    """Values only where the form is right: a wrong layout would compare noise."""
    if combine(check.outcome for check in form) is Outcome.FAIL:
        return (*form, not_run("values", "names, shapes or contract are wrong")), {}
    try:
        checks, numbers = value_checks(backend.run, goldens, evaluation, entry.tolerances, want_auc, wrong)
    except EdgedfError as error:
        return (*form, failed("values", _one_line(error), [_one_line(error)])), {}
    return (*form, *checks), numbers


def _check_contract(stored: Contract, contract: Contract) -> Check:
    differing = [
        f"contract.{field.name} is {getattr(contract, field.name)!r}, "
        f"the goldens were made with {getattr(stored, field.name)!r}"
        for field in fields(Contract)
        if getattr(stored, field.name) != getattr(contract, field.name)
    ]
    if differing:
        return failed("contract", differing[0], differing)
    return passed("contract", f"sha256 {contract.sha256[:12]}")


def _check_contrast(goldens: GoldenSet) -> Check:
    """What even the tightest tolerance needs; each artifact's values ask for what its own needs."""
    tightest = min(limits.max_logit_error for limits in TOLERANCES.values())
    if problem := contrast_problem(goldens, tightest):
        return not_run("contrast", f"{problem}, so no comparison of them can find a wrong artifact")
    spread = contrast(goldens)
    return passed("contrast", f"contrast of the dense logits {spread:.3g}", measured=rounded(spread))


def _check_crops(goldens: GoldenSet) -> Check:
    wrong = []
    for index, (picture, expected) in enumerate(zip(goldens.pictures, goldens.crops_nhwc, strict=True)):
        try:
            crop = golden_crop(picture, goldens.contract)
        except CropError as error:
            wrong.append(f"golden {picture.name} (index {index}): {_one_line(error)}")
            continue
        if not np.array_equal(crop, expected):
            count = int((crop != expected).sum())
            wrong.append(f"golden {picture.name} (index {index}): {count} bytes of the crop differ")
    if wrong:
        return failed("crops", f"{len(wrong)} of {len(goldens.pictures)} crops differ; {wrong[0]}", wrong)
    return passed("crops", f"{len(goldens.pictures)} crops equal to the bit")


def _stopped(entry: ArtifactEntry, checks: tuple[Check, ...]) -> Report:
    return Report(subject=entry.target, precision=entry.precision, checks=checks, metrics={})


def _one_line(error: EdgedfError) -> str:
    return str(error).replace("\n", "; ")
