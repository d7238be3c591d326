"""What the page calls the networks of a run."""

from __future__ import annotations

from edgedf.training.paired import DENSE

# By kind, in the order of the page's tables.
NAMES = {
    "imp": "tickets (IMP)",
    "oneshot": "one-shot, equal budget",
    "oneshot-round": "one-shot, one round",
    "random": "random mask",
    "reinit": "new weights",
    "dense-long": "dense, equal budget",
    DENSE: "dense",
}


def kind_name(kind: str) -> str:
    """The name of a kind of network."""
    return NAMES.get(kind, kind)


def network_name(kind: str, number: int) -> str:
    """The name of one point: round 0 of IMP is the dense network."""
    return kind_name(DENSE if kind == "imp" and number == 0 else kind)
