"""Which split a picture goes to, so that nobody is in two: people who meet in a picture stay together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgedf.data.sample import FAKE, SPLITS, Sample

Shares = Mapping[str, float]
# Positions of samples, group by group.
Groups = tuple[tuple[int, ...], ...]


def partition(samples: Sequence[Sample], groups: Groups, shares: Shares, *, seed: int) -> tuple[str, ...]:
    """The split of each sample; equal arguments give equal answers.

    Args:
        groups: what `people_groups` made of the samples.
        shares: "train", "validation", "test" -> share of the pictures wanted there, above 0, 1 in all.

    Groups that share nobody go, largest first and in an order drawn by `seed`, to the split that lacks most
    of what they hold, real and fake counted apart. Groups are whole, so shares are met as far as they allow.
    """
    counts = np.array([_counts(samples, group) for group in groups])
    wanted = np.array([[shares[split]] for split in SPLITS]) * counts.sum(0)
    had = np.zeros_like(wanted)
    drawn = np.random.default_rng(seed).permutation(len(groups))
    result = [""] * len(samples)
    for number in sorted(drawn, key=lambda n: -len(groups[n])):
        lacking = (wanted - had) / np.maximum(wanted, 1e-9)
        chosen = int((lacking @ counts[number]).argmax())
        had[chosen] += counts[number]
        for place in groups[number]:
            result[place] = SPLITS[chosen]
    return tuple(result)


def people_groups(samples: Sequence[Sample]) -> Groups:
    """Positions of the samples, grouped: two samples share a group if a chain of shared people joins them.

    A sample of nobody known is a group of its own. Groups are in the order of their first sample.
    """
    home: dict[str, str] = {}

    def root(person: str) -> str:
        home.setdefault(person, person)
        while home[person] != person:
            home[person] = home[home[person]]
            person = home[person]
        return person

    for sample in samples:
        for person in sample.people[1:]:
            home[root(person)] = root(sample.people[0])
    groups: dict[str | int, list[int]] = {}
    for place, sample in enumerate(samples):
        key = root(sample.people[0]) if sample.people else place
        groups.setdefault(key, []).append(place)
    return tuple(map(tuple, groups.values()))


def _counts(samples: Sequence[Sample], group: Sequence[int]) -> tuple[int, int]:
    """Real and fake pictures of a group."""
    fakes = sum(samples[place].label == FAKE for place in group)
    return len(group) - fakes, fakes
