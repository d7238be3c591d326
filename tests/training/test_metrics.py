"""Metrics against scikit-learn and against hand-made cases; calibration finds a known temperature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedf.data.sample import Sample
from edgedf.training.calibration import fit_temperature
from edgedf.training.metrics import accuracy, auc, clusters, log_loss, measure


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 3)), min_size=2, max_size=60))
@settings(max_examples=200, deadline=None)
def test_auc_equals_scikit_learn_with_ties_and_weights(rows):
    from sklearn.metrics import roc_auc_score

    scores, labels, weights = (np.array(column) for column in zip(*rows, strict=True))
    if weights[labels].sum() == 0 or weights[~labels].sum() == 0:
        return
    got = auc(scores.astype(np.float32), labels.astype(np.uint8), weights)
    assert got == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_auc_of_one_class_is_undecided():
    assert auc(np.array([1.0, 2.0]), np.array([1, 1], np.uint8)) == 0.5


def test_accuracy_calls_a_logit_at_the_threshold_fake():
    assert accuracy(np.array([0.0, -1.0]), np.array([1, 0], np.uint8)) == 1.0


def test_log_loss_equals_scikit_learn_and_survives_huge_logits():
    from sklearn.metrics import log_loss as oracle

    logits, labels = np.array([-2.0, 0.3, 5.0]), np.array([0, 1, 0], np.uint8)
    assert log_loss(logits, labels) == pytest.approx(oracle(labels, 1 / (1 + np.exp(-logits))), abs=1e-12)
    assert np.isfinite(log_loss(np.array([1e30, -1e30]), np.array([1, 1], np.uint8)))


def _sample(identity: str | None) -> Sample:
    return Sample(path="a", label=0, box=None, identity=identity, kind="")


def test_clusters_join_a_person_and_the_fakes_made_of_them():
    numbers = clusters([_sample("a"), _sample("a+b"), _sample("b"), _sample(None), _sample(None)])
    assert numbers[0] == numbers[1]
    assert len(set(numbers.tolist())) == 4


def test_measure_intervals_widen_when_pictures_come_in_clusters():
    generator = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 25)
    labels = np.repeat(generator.integers(0, 2, 40), 25).astype(np.uint8)
    logits = (np.repeat(generator.normal(0, 2, 40), 25) + (2.0 * labels - 1.0)).astype(np.float32)
    clustered = measure(logits, labels, people)
    alone = measure(logits, labels, np.arange(1000))
    width = clustered["accuracy_high"] - clustered["accuracy_low"]
    assert width > 2 * (alone["accuracy_high"] - alone["accuracy_low"])
    assert clustered["accuracy_low"] <= clustered["accuracy"] <= clustered["accuracy_high"]
    assert clustered["auc_low"] <= clustered["auc"] <= clustered["auc_high"]


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_fit_temperature_finds_the_true_one(true):
    generator = np.random.default_rng(1)
    honest = generator.normal(0, 2, 40_000)
    labels = (generator.random(40_000) < 1 / (1 + np.exp(-honest))).astype(np.uint8)
    assert fit_temperature(honest * true, labels) == pytest.approx(true, rel=0.05)


def test_fit_temperature_of_logits_that_say_nothing_is_one():
    assert fit_temperature(np.zeros(10, np.float32), np.array([0, 1] * 5, np.uint8)) == 1.0


def test_fit_temperature_of_perfect_or_wrong_logits_stays_in_range():
    labels = np.array([0, 1] * 5, np.uint8)
    logits = np.where(labels == 1, 3.0, -3.0)
    assert 0.05 <= fit_temperature(logits, labels) < 0.1
    assert 10 < fit_temperature(-logits, labels) <= 20


def test_interval_holds_its_value_where_every_draw_lies_to_one_side():
    """Each fake lies just below the same person's real picture, and draws repeat people."""
    people = np.repeat(np.arange(12), 2)
    labels = np.tile(np.array([0, 1], np.uint8), 12)
    logits = (-1 + 0.1 * people - 0.05 * labels).astype(np.float32)
    found = measure(logits, labels, people)
    assert found["auc"] == found["auc_high"] == 66 / 144
    for name in ("accuracy", "auc"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
