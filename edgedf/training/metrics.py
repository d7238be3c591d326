"""How good logits are: accuracy, AUC, loss, and intervals that respect that a person appears many times.

Arrays: logits float32 (N,), labels uint8 (N,) with fake = 1. A face is called fake at logit >= threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgedf.data.sample import Sample

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.uint8]
BOOTSTRAPS = 500
# A detector whose AUC is within this of 0.5 is close to guessing.
NEAR_CHANCE = 0.1
_BOOTSTRAP_SEED = 20


def accuracy(logits: Floats, labels: Labels, *, threshold: float = 0.0) -> float:
    """Share of right decisions, 0..1."""
    return float(np.mean((logits >= threshold) == (labels == 1)))


def auc(logits: Floats, labels: Labels, weights: Floats | None = None) -> float:
    """Area under the ROC curve, 0..1, ties counted half (Mann and Whitney 1947).

    Args:
        weights: (N,) >= 0, how often each sample counts; None counts each once.
    Returns 0.5 if a class has no weight: there is then nothing to order.
    """
    return _grouped_auc(_ranks(logits), labels, np.ones(len(logits)) if weights is None else weights)


def near_chance(auc: float) -> bool:
    """Whether a detector of this AUC hardly tells fake from real, or takes one for the other."""
    return auc < 0.5 + NEAR_CHANCE


def _ranks(logits: Floats) -> npt.NDArray[np.intp]:
    """(N,) number of each logit among the different ones, ascending."""
    _, group = np.unique(logits, return_inverse=True)
    return np.asarray(group).reshape(-1)


def _grouped_auc(group: npt.NDArray[np.intp], labels: Labels, weights: Floats) -> float:
    """The AUC of `auc`, from ranks that many weightings share."""
    w = np.asarray(weights, np.float64)
    fake = np.bincount(group, w * (labels == 1))
    real = np.bincount(group, w * (labels != 1))
    if fake.sum() == 0 or real.sum() == 0:
        return 0.5
    below = np.cumsum(real) - real
    return float(np.sum(fake * (below + 0.5 * real)) / (fake.sum() * real.sum()))


def log_loss(logits: Floats, labels: Labels, *, temperature: float = 1.0) -> float:
    """Mean binary cross-entropy in nats of sigmoid(logit / temperature); NaN if a logit is no number."""
    z = np.asarray(logits, np.float64) / temperature
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.logaddexp(0.0, z) - z * (labels == 1)))


def clusters(samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """(N,) cluster number of each sample: the first person in it, or itself where nobody knows who it is.

    A real picture and the fakes made of the same person land in one cluster.
    """
    names = [s.people[0] if s.people else f"\0{position}" for position, s in enumerate(samples)]
    _, numbers = np.unique(names, return_inverse=True)
    return np.asarray(numbers, np.int64).reshape(-1)


def measure(
    logits: Floats,
    labels: Labels,
    cluster: npt.NDArray[np.int64],
    *,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """All metrics of one split, by name, JSON-ready.

    accuracy, auc, loss; *_low and *_high are 95% percentile intervals of a bootstrap over whole clusters
    (Efron and Tibshirani 1993, chapter 13), with a fixed seed, widened where they miss the value itself;
    count is N, people the number of clusters.
    `check` is called before each draw and may raise to end the work.
    """
    values = {"accuracy": accuracy(logits, labels), "auc": auc(logits, labels)}
    return {
        **values,
        "loss": log_loss(logits, labels),
        **_intervals(logits, labels, cluster, check, values),
        "count": float(len(labels)),
        "people": float(cluster.max() + 1),
    }


def _intervals(
    logits: Floats,
    labels: Labels,
    cluster: npt.NDArray[np.int64],
    check: Callable[[], None],
    values: Mapping[str, float],
) -> Mapping[str, float]:
    generator = np.random.default_rng(_BOOTSTRAP_SEED)
    number = int(cluster.max()) + 1
    right = ((logits >= 0) == (labels == 1)).astype(np.float64)
    group = _ranks(logits)
    found = np.empty((BOOTSTRAPS, 2))
    for row in found:
        check()
        weight = np.bincount(generator.integers(0, number, number), minlength=number)[cluster].astype(float)
        row[:] = (weight @ right) / weight.sum(), _grouped_auc(group, labels, weight)
    # A draw repeats people, so it has more pairs within one person than the data: where these are ordered
    # unlike the pairs between persons, every AUC drawn can lie to one side of the AUC itself.
    lows, highs = np.percentile(found, (2.5, 97.5), axis=0)
    ends: dict[str, float] = {}
    for name, low, high in zip(("accuracy", "auc"), lows, highs, strict=True):
        ends |= {f"{name}_low": min(float(low), values[name]), f"{name}_high": max(float(high), values[name])}
    return ends
