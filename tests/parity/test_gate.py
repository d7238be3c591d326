"""The gate's words: NOT RUN is never a pass, NaN fails, every failure is listed."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import TARGETS
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.cli.build import command
from edgedf.cli.parity_table import print_limits, print_problems
from edgedf.parity.check import check_function
from edgedf.parity.compare import auc_change, decisions, difference, logit_scale
from edgedf.parity.gate import (
    ACCEPTABLE,
    Outcome,
    Report,
    accepted,
    combine,
    exit_code,
    failed,
    not_run,
    passed,
)
from edgedf.parity.values import Evaluation, check_auc, check_values, metrics
from edgedf.runtime.verdict import judge
from tests.bundle_samples import sample_goldens

FLOAT32 = TOLERANCES["float32"]
F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def test_combine_passes_only_if_something_ran_and_everything_passed() -> None:
    assert combine([]) is Outcome.NOT_RUN
    for count in (1, 2, 3):
        for outcomes in product(Outcome, repeat=count):
            found = combine(outcomes)
            assert (found is Outcome.PASS) == all(o is Outcome.PASS for o in outcomes)
            assert (found is Outcome.FAIL) == (Outcome.FAIL in outcomes)


def test_exit_codes() -> None:
    assert exit_code(Outcome.PASS, accepted=False) == 0
    assert exit_code(Outcome.NOT_RUN, accepted=False) == 3
    assert exit_code(Outcome.NOT_RUN, accepted=True) == 0
    assert exit_code(Outcome.FAIL, accepted=True) == 1


def test_what_did_not_run_is_accepted_by_name_only() -> None:
    ran = passed("values", "")
    good = Report(subject="native", checks=(ran, not_run("auc", "")), metrics={})
    missing = Report(subject="tflite", checks=(not_run("open", "no runtime"),), metrics={})
    assert accepted([good], ["auc"])
    assert not accepted([good], ["open"])
    assert not accepted([good, missing], ["auc"])
    assert accepted([good, missing], ["auc", "open"])
    assert accepted([good, missing], ["auc", "tflite"])
    assert not accepted([good, missing], ["tflite"])


def test_a_bundle_whose_values_never_ran_is_never_accepted() -> None:
    everything = [*ACCEPTABLE, *TARGETS]
    missing = Report(subject="tflite", checks=(not_run("open", "no runtime"),), metrics={})
    alike = Report(subject="native", checks=(not_run("values", "contrast"),), metrics={})
    # The reference in PyTorch is no artifact, whatever it passed.
    dense = Report(subject="dense", checks=(passed("values", ""),), metrics={})
    assert not accepted([], everything)
    assert not accepted([dense, missing, alike], everything)
    assert accepted([dense, missing, alike, replace(dense, subject="coreml")], everything)


def test_the_command_line_offers_what_can_be_accepted() -> None:
    kind = next(p for p in command.params if p.name == "accept_not_run").type
    assert tuple(getattr(kind, "choices", ())) == (*ACCEPTABLE, *TARGETS)


def test_report_with_one_check_not_run_is_not_run() -> None:
    report = Report(subject="x", checks=(passed("values", ""), not_run("auc", "why")), metrics={})
    assert report.outcome is Outcome.NOT_RUN
    assert report.record().checks == {"values": "pass", "auc": "not_run"}
    assert "auc" in report.record().not_run
    report = replace(report, checks=(*report.checks, failed("flips", "")))
    assert report.outcome is Outcome.FAIL


@pytest.fixture(scope="module")
def goldens() -> GoldenSet:
    return sample_goldens()


def test_scale_is_rms_and_at_least_one() -> None:
    assert logit_scale(np.array([0.1, -0.1], np.float32)) == 1.0
    assert logit_scale(np.array([3, -4], np.float32)) == pytest.approx(np.sqrt(12.5))


def test_every_failure_is_listed_worst_first(goldens: GoldenSet) -> None:
    got = goldens.logits.copy()
    got[3] += 0.5
    got[7] -= 2.0
    check, found = check_values(got, goldens, FLOAT32)
    assert check.outcome is Outcome.FAIL
    assert found is not None
    assert found.worst == 7
    assert [line.split(":")[0] for line in check.failures] == [
        f"{goldens.pictures[i].name} (index {i})" for i in (7, 3)
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_fail(goldens: GoldenSet, bad: float) -> None:
    got = goldens.logits.copy()
    got[5] = bad
    check, found = check_values(got, goldens, replace(FLOAT32, max_logit_error=1e9))
    assert check.outcome is Outcome.FAIL
    assert found is None
    assert len(check.failures) == 1


@pytest.mark.parametrize(
    "got", [np.zeros(3, np.float32), np.zeros(18, np.float64), np.zeros((18, 1), np.float32)]
)
def test_wrong_shape_or_dtype_fails_before_values(goldens: GoldenSet, got: F32) -> None:
    check, _ = check_values(got, goldens, FLOAT32)
    assert check.outcome is Outcome.FAIL
    assert "expected float32[18]" in check.detail


def test_error_at_the_limit_passes_and_just_above_fails(goldens: GoldenSet) -> None:
    scale = logit_scale(goldens.logits)
    for factor, outcome in ((0.9, Outcome.PASS), (1.1, Outcome.FAIL)):
        got = goldens.logits.copy()
        got[0] += np.float32(factor * FLOAT32.max_logit_error * scale)
        assert check_values(got, goldens, FLOAT32)[0].outcome is outcome


def test_agreement_on_goldens_that_are_all_alike_is_not_run(goldens: GoldenSet) -> None:
    """A dead network agrees with itself; its artifact has passed nothing."""
    same = replace(goldens, logits=np.full_like(goldens.logits, -0.3))
    check, found = check_values(same.logits, same, FLOAT32)
    assert check.outcome is Outcome.NOT_RUN
    assert found is not None
    report = Report(subject="x", checks=(check,), metrics=metrics(found, None, None))
    assert report.record().metrics is None
    assert "values" in report.record().not_run
    wrong = same.logits + np.float32(0.01)
    assert check_values(wrong, same, FLOAT32)[0].outcome is Outcome.FAIL


@pytest.mark.parametrize("precision", sorted(TOLERANCES))
def test_an_artifact_that_ignores_the_picture_never_passes(goldens: GoldenSet, precision: str) -> None:
    """Whatever the contrast, one constant answer is refused or proves nothing; enough contrast refuses it."""
    limits = TOLERANCES[precision]
    shape = np.linspace(-1, 1, len(goldens.logits))
    outcomes = []
    for spread in limits.max_logit_error * np.array([0.1, 0.9, 1.1, 3, 4.9, 6, 20]):
        for offset in (0.0, 1.0, 8.0):
            expected = np.float32(offset) + (spread / 2 / 0.8 * max(1.0, offset) * shape).astype(np.float32)
            got = np.full_like(expected, offset)
            outcomes.append(check_values(got, replace(goldens, logits=expected), limits)[0].outcome)
    assert Outcome.PASS not in outcomes
    assert Outcome.FAIL in outcomes


@pytest.mark.parametrize("precision", sorted(TOLERANCES))
def test_contrast_at_its_least_runs_and_just_below_does_not(goldens: GoldenSet, precision: str) -> None:
    limits = TOLERANCES[precision]
    least = max(0.01, 5 * limits.max_logit_error)
    for factor, outcome in ((1.01, Outcome.PASS), (0.99, Outcome.NOT_RUN)):
        # Below an RMS of 1 the scale is 1; the percentiles of evenly spaced logits span four fifths.
        logits = np.linspace(-1, 1, len(goldens.logits)) / 2 * factor * least / 0.8
        assert logit_scale(logits.astype(np.float32)) == 1.0
        alike = replace(goldens, logits=logits.astype(np.float32))
        assert check_values(alike.logits, alike, limits)[0].outcome is outcome


def test_two_odd_pictures_are_no_contrast(goldens: GoldenSet) -> None:
    logits = np.full_like(goldens.logits, 0.5)
    logits[4] = 3.0
    odd = replace(goldens, logits=logits)
    assert check_values(odd.logits, odd, TOLERANCES["int8"])[0].outcome is Outcome.NOT_RUN


def test_a_report_says_what_it_allowed(goldens: GoldenSet, capsys: pytest.CaptureFixture[str]) -> None:
    tight = replace(FLOAT32, max_logit_error=1e-5)
    report = replace(check_function("f", "", _run, goldens, None, tight), precision="float32")
    assert report.to_json()["limits"] == {"values": 1e-5, "conversion": 2e-5, "flips": 0.001}
    print_limits([report, report])
    assert capsys.readouterr().out == (
        "allowed: float32: max error 1e-05, against its own weights 2e-05, flips 0.1%\n"
    )


def test_what_several_reports_say_alike_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    few = not_run("auc", "too few")
    wrong = failed("values", "is off", ["face-1", "face-2"])
    reports = [
        Report(subject="tflite", checks=(passed("open", ""), few), metrics={}),
        Report(subject="native", checks=(wrong, few), metrics={}),
    ]
    print_problems(reports)
    assert capsys.readouterr().out == (
        "NOT RUN: tflite, native: auc: too few\nFAIL: native: values: is off\n    face-1\n    face-2\n"
    )


def test_auc_change_is_none_for_one_class() -> None:
    logits = np.array([1, 2, 3], np.float32)
    assert auc_change(logits, logits, np.ones(3, np.uint8)) is None
    assert auc_change(logits, logits, np.array([0, 1, 1], np.uint8)) == 0.0
    assert auc_change(logits, -logits, np.array([0, 1, 1], np.uint8)) == -1.0


def _evaluation(fakes: int, reals: int) -> Evaluation:
    """Crops whose classes lie apart: AUC 1."""
    labels = np.array([1] * fakes + [0] * reals, np.uint8)
    logits = np.where(labels == 1, 2, -2) + np.linspace(0, 1, len(labels))
    crops = np.zeros((len(labels), 1, 1, 3), np.uint8)
    return Evaluation(crops_nhwc=crops, labels=labels, logits=logits.astype(np.float32), source="a test")


@pytest.mark.parametrize(
    ("precision", "fakes", "reals", "outcome"),
    [
        ("float32", 1, 1, Outcome.NOT_RUN),
        ("float32", 44, 45, Outcome.NOT_RUN),
        ("float32", 45, 45, Outcome.PASS),
        ("float32", 19, 400, Outcome.NOT_RUN),
        ("float16", 22, 22, Outcome.NOT_RUN),
        ("float16", 23, 23, Outcome.PASS),
        ("int8", 19, 19, Outcome.NOT_RUN),
        ("int8", 20, 20, Outcome.PASS),
    ],
)
def test_auc_on_too_few_crops_is_not_run(precision: str, fakes: int, reals: int, outcome: Outcome) -> None:
    evaluation = _evaluation(fakes, reals)
    check = check_auc(evaluation.logits, evaluation, TOLERANCES[precision])
    assert check.outcome is outcome
    assert (check.measured is None) == (outcome is Outcome.NOT_RUN)


def test_auc_that_falls_apart_fails_however_few_the_crops() -> None:
    few = _evaluation(3, 3)
    assert check_auc(-few.logits, few, FLOAT32).outcome is Outcome.FAIL
    swapped = few.logits.copy()
    swapped[0] = few.logits[-1] - 0.01  # one pair: what three crops of each class cannot tell from luck
    assert check_auc(swapped, few, FLOAT32).outcome is Outcome.NOT_RUN


def test_flips_follow_the_contract_threshold(goldens: GoldenSet) -> None:
    contract = replace(goldens.contract, threshold=0.9, temperature=2.0)
    limit = contract.logit_threshold
    expected = np.array([limit - 0.1, limit + 0.1, 0.0], np.float32)
    assert difference(expected, expected + np.float32(0.2), contract).flips == (0,)


def test_gate_and_detector_decide_alike_at_the_threshold(goldens: GoldenSet) -> None:
    """A float32 logit just below the threshold must not be rounded up to it on one side only."""
    unlike = 0
    for threshold in np.linspace(0.05, 0.95, 91):
        contract = replace(goldens.contract, threshold=float(threshold))
        near = np.float32(contract.logit_threshold)
        logits = np.array([np.nextafter(near, -np.inf), near, np.nextafter(near, np.inf)], np.float32)
        wanted = [judge(contract, float(logit))[1] == "fake" for logit in logits]
        assert decisions(logits, contract).tolist() == wanted
        fake = np.full(3, 100, np.float32)
        flips = difference(fake, logits, contract).flips
        assert [index in flips for index in range(3)] == [not verdict for verdict in wanted]
        unlike += wanted != (logits >= near).tolist()
    assert unlike > 10  # else the case that matters was never met


def _run(crops: U8) -> F32:
    """What the sample goldens' logits are made of."""
    return crops.mean(axis=(1, 2, 3)).astype(np.float32) / 64 - 2


@pytest.mark.parametrize("factor", [1e20, 1e37, -1e37])
@pytest.mark.filterwarnings("error")
def test_huge_logits_fail_without_a_warning(goldens: GoldenSet, factor: float) -> None:
    """Their squares overflow in float32: the user is told of the failure, not of numpy's overflow."""
    report = check_function("f", "", lambda crops: _run(crops) * np.float32(factor), goldens, None, FLOAT32)
    assert report.outcome is Outcome.FAIL
    assert report.checks[0].measured is not None
    assert report.checks[0].measured > 1e19


def test_missing_evaluation_is_not_run_and_a_flip_there_fails(goldens: GoldenSet) -> None:
    report = check_function("f", "", _run, goldens, None, FLOAT32)
    assert report.outcome is Outcome.NOT_RUN
    labels = (np.arange(len(goldens.logits)) % 2).astype(np.uint8)
    wrong = Evaluation(crops_nhwc=goldens.crops_nhwc, labels=labels, logits=-goldens.logits, source="a test")
    report = check_function("f", "", _run, goldens, wrong, FLOAT32)
    assert {c.name: c.outcome for c in report.checks} == {
        "values": Outcome.FAIL,
        "conversion": Outcome.PASS,
        "flips": Outcome.FAIL,
        "auc": Outcome.FAIL,
    }
