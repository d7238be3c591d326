"""Leak probes: how far trivial cues alone tell real from fake, on pictures the probe has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.data.cache import Progress, reader_threads
from edgedf.data.cues import BASELINE_CUES, F64, TRIVIAL_CUES, Seen
from edgedf.data.pictures import ignore_picture_warnings, read_picture
from edgedf.data.sample import DatasetIndex, Sample
from edgedf.errors import DataError, EdgedfError

# A cue at or above this tells too much, and so does one as far below one half: it tells the other way round.
AUC_LIMIT = 0.65
_FOLDS = 5
_RESAMPLES = 200
_BATCH = 256
_CUES = {**TRIVIAL_CUES, **BASELINE_CUES}


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One cue: held-out AUC with a 95% interval (people resampled), and whether it is gated."""

    name: str
    auc: float
    low: float
    high: float
    gated: bool

    @property
    def good(self) -> bool:
        """Whether the cue stays within the limit on both sides of one half, or is not gated."""
        return not self.gated or 1 - AUC_LIMIT < self.auc < AUC_LIMIT

    @property
    def verdict(self) -> str:
        """The result in a few words: its side of chance is named where the interval leaves chance out."""
        side = ", above chance" if self.low > 0.5 else ", below chance" if self.high < 0.5 else ""
        if not self.gated:
            return f"baseline, not gated{side}"
        if self.good:
            return f"within the limit{side}"
        return f"LEAK, limit {AUC_LIMIT:g}" if self.auc > 0.5 else f"LEAK, reversed, limit {1 - AUC_LIMIT:g}"


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """All cues of one data set.

    Attributes:
        clusters: groups of pictures that were kept together, one per first person of a picture.
        unnamed: pictures of unknown identity; each of them is a group of its own.
    """

    results: tuple[ProbeResult, ...]
    pictures: int
    clusters: int
    unnamed: int
    limit: float = AUC_LIMIT

    @property
    def good(self) -> bool:
        """Whether every gated cue stays within the limit."""
        return all(result.good for result in self.results)

    @property
    def people(self) -> str:
        """A few words on whom the folds and the intervals keep together."""
        if self.unnamed == self.pictures:
            return "identities unknown: every picture counts alone"
        groups = f"{self.clusters - self.unnamed} groups of people, by the first person of each picture"
        return groups + (f"; {self.unnamed} of unknown identity count alone" if self.unnamed else "")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        cues = {
            r.name: {"auc": r.auc, "low": r.low, "high": r.high, "gated": r.gated, "good": r.good}
            for r in self.results
        }
        counts = {"pictures": self.pictures, "clusters": self.clusters, "unnamed": self.unnamed}
        return {"cues": cues, **counts, "limit": self.limit, "good": self.good}


def probe_dataset(
    index: DatasetIndex,
    *,
    limit: int = 4000,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeReport:
    """Fit a logistic regression on each cue and test it on other people's pictures, in five folds.

    A picture of two people counts as the first one's; where nobody is named, as nobody else's.

    Args:
        limit: most pictures to read, drawn from all splits.
        seed: which pictures, and which people share a fold.

    Raises DataError if fewer than five groups of people or one class is left after damaged files.
    """
    every = [sample for samples in index.splits.values() for sample in samples]
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(every), min(limit, len(every)), replace=False))
    samples, cues = _measure(index, [every[number] for number in chosen], progress)
    labels = np.array([sample.label for sample in samples])
    groups = identity_groups(samples)
    # Fewer groups than folds, or one class, leaves nothing to hold out.
    if len(np.unique(groups)) < _FOLDS or len(np.unique(labels)) < 2:
        raise DataError("too few readable pictures or people to probe", file=index.root)
    results = []
    for name in _CUES:
        scores = _held_out_scores(cues[name], labels, groups, seed)
        low, high = _interval(labels, scores, groups, rng)
        results.append(ProbeResult(name, _auc(labels, scores), low, high, name in TRIVIAL_CUES))
    unnamed = sum(not sample.people for sample in samples)
    return ProbeReport(tuple(results), len(samples), len(np.unique(groups)), unnamed)


def identity_groups(samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """A number per sample such that samples of one person share it, int64 (N,).

    A pair belongs to its first person, the target: linking sources too would chain nearly everybody into
    one group. A sample without identity is a group of its own.
    """
    numbers: dict[str, int] = {}
    names = [sample.people[0] if sample.people else f"\0{sample.path}" for sample in samples]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _measure(
    index: DatasetIndex, samples: Sequence[Sample], progress: Progress | None
) -> tuple[list[Sample], dict[str, F64]]:
    """The readable samples and a matrix (N, features) per cue."""

    def look(sample: Sample) -> list[F64] | None:
        path = index.root / sample.path
        try:
            seen = Seen(read_picture(path, sha256=sample.sha256), path.stat().st_size)
        except (EdgedfError, OSError):
            return None
        return [cue(seen) for cue in _CUES.values()]

    kept: list[Sample] = []
    rows: list[list[F64]] = []
    done = 0
    with ignore_picture_warnings(), ThreadPoolExecutor(reader_threads()) as pool:
        for batch in batched(samples, _BATCH):
            for sample, row in zip(batch, pool.map(look, batch), strict=True):
                if row is not None:
                    kept.append(sample)
                    rows.append(row)
            done += len(batch)
            if progress is not None:
                progress(done, len(samples))
    columns = zip(*rows, strict=True) if rows else [[] for _ in _CUES]
    return kept, {name: np.array(column) for name, column in zip(_CUES, columns, strict=True)}


def _held_out_scores(
    features: F64, labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], seed: int
) -> F64:
    """Every sample's score from a regression that saw none of its group."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = np.zeros(len(labels))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for train, held in folds.split(features, labels, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(features[train], labels[train])
        scores[held] = model.decision_function(features[held])
    return scores


def _auc(labels: npt.NDArray[np.int64], scores: F64) -> float:
    """Area under the ROC curve by ranks, ties counted half; far cheaper than a library call per resample."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    fakes = int(labels.sum())
    reals = len(labels) - fakes
    return float((rank[labels == 1].sum() - fakes * (fakes + 1) / 2) / (fakes * reals))


def _interval(
    labels: npt.NDArray[np.int64], scores: F64, groups: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """95% interval of the AUC: whole groups are resampled, because pictures of one person are alike."""
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    values = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([members[n] for n in rng.integers(len(members), size=len(members))])
        if len(np.unique(labels[drawn])) == 2:
            values.append(_auc(labels[drawn], scores[drawn]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
