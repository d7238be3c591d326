"""IMP against its controls, pair by pair: held to scipy's own paired t interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from edgedf.cli.training_tables import print_differences
from edgedf.training.paired import CAVEATS, Difference, paired_differences


def _point(kind: str, round_: int, seed: int, accuracy: float) -> dict[str, Any]:
    metrics = {"test": {"accuracy": accuracy, "auc": accuracy / 2}}
    return {"kind": kind, "round": round_, "seed": seed, "sparsity": 0.1 * round_, "metrics": metrics}


def test_interval_is_that_of_the_paired_t_test() -> None:
    ours, theirs = np.array([0.81, 0.84, 0.80, 0.79]), np.array([0.80, 0.79, 0.81, 0.75])
    points = [_point("imp", 2, seed, value) for seed, value in enumerate(ours)]
    points += [_point("oneshot", 2, seed, value) for seed, value in enumerate(theirs)]
    accuracy, auc = paired_differences(points)
    oracle = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (accuracy.against, accuracy.round, accuracy.metric, accuracy.seeds) == (
        "oneshot",
        2,
        "accuracy",
        4,
    )
    assert accuracy.mean == pytest.approx(float(np.mean(ours - theirs)))
    assert (accuracy.low, accuracy.high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))
    assert auc.mean == pytest.approx(accuracy.mean / 2)


def _beside(ours: list[float], theirs: list[float]) -> list[Difference]:
    """Accuracy differences of IMP and one control over as many seeds."""
    points = [_point("imp", 2, seed, value) for seed, value in enumerate(ours)]
    points += [_point("oneshot", 2, seed, value) for seed, value in enumerate(theirs)]
    return [d for d in paired_differences(points) if d.metric == "accuracy"]


def test_two_seeds_have_a_mean_and_no_interval() -> None:
    (found,) = _beside([0.82, 0.80], [0.81, 0.77])
    assert found.mean == pytest.approx(0.02)
    assert (found.low, found.high) == (None, None)
    assert found.gaps == (pytest.approx(0.01), pytest.approx(0.03))
    assert found.span(3) == "no interval; seeds: +0.010, +0.030"


@pytest.mark.parametrize("gap", [0.0, 0.1, -0.3])
def test_seeds_that_differ_alike_claim_no_certainty(gap: float) -> None:
    ours = [0.81, 0.84, 0.73]
    (found,) = _beside(ours, [value - gap for value in ours])
    assert found.mean == pytest.approx(gap)
    assert (found.low, found.high) == (None, None)
    assert found.span(3) == "no interval: all 3 seeds differ alike"


def test_three_seeds_have_an_interval_in_words_and_json() -> None:
    (found,) = _beside([0.81, 0.84, 0.80], [0.80, 0.79, 0.81])
    oracle = stats.ttest_rel([0.81, 0.84, 0.80], [0.80, 0.79, 0.81]).confidence_interval(0.95)
    assert found.span(4) == f"{oracle.low:+.4f} to {oracle.high:+.4f}"
    assert found.to_json()["gaps"] == found.gaps


def test_the_terminal_says_what_the_interval_covers(capsys: pytest.CaptureFixture[str]) -> None:
    points = [_point("imp", 2, seed, value) for seed, value in enumerate([0.82, 0.80])]
    points += [_point("oneshot", 2, seed, value) for seed, value in enumerate([0.81, 0.77])]
    print_differences(paired_differences(points))
    text = capsys.readouterr().out
    assert "+0.020 (no interval; seeds: +0.010, +0.030)" in text
    for caveat in CAVEATS:
        assert caveat in text


def test_one_seed_is_not_compared_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_differences(paired_differences([_point("imp", 0, 0, 0.9), _point("imp", 1, 0, 0.8)]))
    assert capsys.readouterr().out == ""


def test_pairs_are_of_one_seed_and_one_round() -> None:
    points = [
        _point("imp", 0, 0, 0.9),
        _point("imp", 1, 0, 0.8),
        _point("imp", 1, 1, 0.1),
        _point("random", 1, 0, 0.5),
        _point("random", 2, 1, 0.0),
    ]
    found = {d.against: d for d in paired_differences(points) if d.metric == "accuracy"}
    assert set(found) == {"dense", "random"}
    assert found["dense"].mean == pytest.approx(-0.1)
    assert found["random"].mean == pytest.approx(0.3)
    assert found["random"].seeds == 1
    assert found["random"].low is None


def test_nothing_to_compare_gives_nothing() -> None:
    assert paired_differences([]) == []
    assert paired_differences([_point("imp", 0, 0, 0.9), _point("reinit", 3, 0, 0.7)]) == []
