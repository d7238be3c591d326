"""The shipped ticket: readable, small, sparse, and labelled as trained on synthetic faces."""

from __future__ import annotations

from edgedf.ticket import read_ticket
from edgedf.training.demo_ticket import DEMO_TICKET, MAX_BYTES
from edgedf.training.recipes import demo_ticket


def test_demo_ticket_is_small_sparse_and_says_what_it_saw():
    ticket = read_ticket(DEMO_TICKET)
    assert DEMO_TICKET.stat().st_size < MAX_BYTES
    assert ticket.arch == "mesonet"
    assert ticket.sparsity >= 0.8 - 1e-4
    assert "procedural faces" in ticket.lineage.dataset["description"]
    assert ticket.lineage.dataset["name"].startswith("edgedf-synthetic")


def test_demo_ticket_comes_from_the_committed_recipe():
    recorded = {k: v for k, v in read_ticket(DEMO_TICKET).lineage.recipe.items() if k != "point"}
    assert recorded == demo_ticket().to_json()
