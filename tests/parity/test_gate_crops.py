"""What the gate asks of evaluation crops beside decisions: their logits, and that every one is a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from edgedf.assembly.evaluation import EvaluationCrops, dense_evaluation
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.parity_record import CONVERSION
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.cli.parity_table import print_not_checked
from edgedf.errors import ParityError
from edgedf.parity.check import check_function
from edgedf.parity.compare import difference
from edgedf.parity.gate import Check, Outcome, Report, not_checked, not_run, passed
from edgedf.parity.values import Evaluation, check_auc, check_flips, evaluation_difference
from tests.bundle_samples import sample_goldens

COUNT = 400
F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Limits = pytest.mark.parametrize("precision", sorted(TOLERANCES))


@pytest.fixture(scope="module")
def goldens() -> GoldenSet:
    """Half of them fake, none near the threshold."""
    goldens = sample_goldens()
    signs = np.where(np.arange(len(goldens.logits)) % 2, 1, -1)
    return replace(goldens, logits=(signs * np.linspace(2, 3, len(signs))).astype(np.float32))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Crops whose classes lie apart, all decisions and their order far from any change."""
    labels = (np.arange(COUNT) % 2).astype(np.uint8)
    logits = np.where(labels, 2.0, -2.0) + np.linspace(0, 0.5, COUNT)
    crops = np.full((COUNT, 16, 16, 3), 7, np.uint8)
    return Evaluation(crops_nhwc=crops, labels=labels, logits=logits.astype(np.float32), source="a test")


def _report(goldens: GoldenSet, evaluation: Evaluation, got: F32, precision: str) -> Report:
    """A function that gives the goldens' own logits, and `got` for the evaluation crops."""

    def run(crops: U8) -> F32:
        return goldens.logits if len(crops) == len(goldens.logits) else got

    return check_function("f", "", run, goldens, evaluation, TOLERANCES[precision])


def _outcomes(report: Report) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in report.checks}


@Limits
def test_one_logit_beyond_the_limit_fails_and_one_at_it_passes(
    goldens: GoldenSet, evaluation: Evaluation, precision: str
) -> None:
    """Neither a decision nor the order of the crops changes: only the values tell."""
    scale = float(np.sqrt(np.mean(evaluation.logits.astype(np.float64) ** 2)))
    assert scale > 2
    limit = 2 * TOLERANCES[precision].max_logit_error
    for factor, outcome in ((0.9, Outcome.PASS), (1.1, Outcome.FAIL)):
        got = evaluation.logits.copy()
        got[-1] += np.float32(factor * limit * scale)
        report = _report(goldens, evaluation, got, precision)
        assert _outcomes(report) == {
            "values": outcome,
            CONVERSION: Outcome.PASS,
            "flips": Outcome.PASS,
            "auc": Outcome.PASS,
        }
    values = report.checks[0]
    assert values.failures == (f"evaluation crop 399: {got[-1]:.6g}, expected {evaluation.logits[-1]:.6g}",)
    assert values.detail.startswith("max error on evaluation crops ")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [slice(None), slice(0, None, 2), slice(5, 6)])
def test_a_nan_of_the_dense_network_never_passes(
    goldens: GoldenSet, evaluation: Evaluation, bad: float, where: slice
) -> None:
    logits = evaluation.logits.copy()
    logits[where] = bad
    broken = replace(evaluation, logits=logits)
    count = int((~np.isfinite(logits)).sum())
    message = f"the dense network answers NaN or infinity on {count} of {COUNT} evaluation crops"
    assert evaluation_difference(evaluation.logits, broken, goldens.contract) == message
    assert check_auc(evaluation.logits, broken, TOLERANCES["int8"]).outcome is Outcome.FAIL
    report = _report(goldens, broken, evaluation.logits, "int8")
    assert report.outcome is Outcome.FAIL
    for one, other in ((logits, evaluation.logits), (evaluation.logits, logits), (logits, logits)):
        found = difference(one, other, goldens.contract)
        assert set(np.flatnonzero(~np.isfinite(logits)).tolist()) <= set(found.flips)
    with pytest.raises(ParityError, match=rf"NaN or infinity on {count} of {COUNT}.*the first of them crop"):
        dense_evaluation(_crops(evaluation), _answers(logits))
    assert dense_evaluation(_crops(evaluation), _answers(evaluation.logits)).source == "a test"


def _crops(evaluation: Evaluation) -> EvaluationCrops:
    return EvaluationCrops(crops_nhwc=evaluation.crops_nhwc, labels=evaluation.labels, source="a test")


def _answers(logits: F32) -> Callable[[U8], F32]:
    return lambda _: logits


@pytest.mark.parametrize(
    ("precision", "golden", "crops", "outcome"),
    [
        ("float32", 0, 0, Outcome.PASS),
        ("float32", 1, 0, Outcome.FAIL),
        ("float16", 1, 3, Outcome.PASS),
        ("float16", 2, 0, Outcome.FAIL),
        ("int8", 1, 11, Outcome.PASS),
        ("int8", 2, 0, Outcome.FAIL),
        ("int8", 0, 12, Outcome.PASS),
        ("int8", 0, 13, Outcome.FAIL),
        ("int8", 12, 0, Outcome.FAIL),
    ],
)
def test_many_crops_do_not_hide_that_the_goldens_differ(
    goldens: GoldenSet, evaluation: Evaluation, precision: str, golden: int, crops: int, outcome: Outcome
) -> None:
    check = _flips(goldens, evaluation, golden, crops, precision)
    assert check.outcome is outcome
    assert (outcome is Outcome.PASS) == (check.failures == ())
    assert ("are goldens, allowed 1" in check.detail) == (golden > 1)


def _flips(goldens: GoldenSet, evaluation: Evaluation, golden: int, crops: int, precision: str) -> Check:
    """The check where the first few decisions of each kind differ."""
    found = [
        difference(logits, np.where(np.arange(len(logits)) < count, -logits, logits), goldens.contract)
        for logits, count in ((goldens.logits, golden), (evaluation.logits, crops))
    ]
    return check_flips(found[0], found[1], goldens, TOLERANCES[precision])


def test_a_pass_says_what_it_did_not_check(capsys: pytest.CaptureFixture[str]) -> None:
    goldens = Report(subject="goldens", checks=(passed("contract", ""),), metrics={})
    alone = Report(subject="native", checks=(passed("values", ""),), metrics={})
    print_not_checked([goldens, alone])
    assert capsys.readouterr().out == (
        "not checked without --ticket: ticket, logits, auc\nnot checked outside a build: conversion\n"
    )
    held = replace(goldens, checks=(*goldens.checks, passed("ticket", "")))
    assert not_checked([held, alone]) == {"outside a build": (CONVERSION,)}
    tried = replace(alone, checks=(*alone.checks, not_run("auc", "too few")))
    assert not_checked([held, tried]) == {"outside a build": (CONVERSION,)}
    built = replace(tried, checks=(*tried.checks, passed(CONVERSION, "")))
    assert not_checked([held, built]) == {}
