"""`edgedf parity BUNDLE --ticket T` can say no to a bundle that is right by its own goldens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedf.assembly.evaluation import EvaluationCrops, find_evaluation
from edgedf.assembly.pipeline import BuildOptions, build
from edgedf.assembly.recheck import recheck
from edgedf.assembly.source import Source, read_source
from edgedf.assembly.ticket_reference import TicketReference, bundle_source, ticket_reference
from edgedf.bundle.reader import open_bundle
from edgedf.cli.main import main
from edgedf.data.synth.writer import NAME as SYNTHETIC
from edgedf.errors import BundleError
from edgedf.parity.compare import logit_scale
from edgedf.parity.gate import Check, Outcome, Report
from edgedf.parity.golden_check import GOLDEN_LIMIT, check_golden_logits
from edgedf.ticket import Ticket, write_ticket
from tests.parity_samples import lively_ticket
from tests.sabotage import own_goldens

CROPS = 90


@pytest.fixture(scope="module")
def ticket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = lively_ticket()
    path = tmp_path_factory.mktemp("recheck") / "t.safetensors"
    write_ticket(path, replace(made, lineage=replace(made.lineage, dataset={"name": SYNTHETIC})))
    return path


@pytest.fixture(scope="module")
def crops(ticket: Path) -> EvaluationCrops | None:
    return find_evaluation(read_source(ticket), None, CROPS)


@pytest.fixture(scope="module")
def reference(ticket: Path, tmp_path_factory: pytest.TempPathFactory) -> TicketReference:
    bundle = _built(ticket, tmp_path_factory.mktemp("own") / "own.edgedf", None, lambda ticket: ticket)
    with open_bundle(bundle) as opened:
        return ticket_reference(opened.manifest, ticket, None, CROPS)


def _built(
    ticket: Path, out: Path, crops: EvaluationCrops | None, change: Callable[[Ticket], Ticket]
) -> Path:
    """A bundle of a changed ticket that claims to be the honest one's, built as any other."""
    source: Source = read_source(ticket)
    changed = replace(source, ticket=change(source.ticket))
    options = BuildOptions(precisions={"native": "float32"}, out=out, accept_not_run=("auc",))
    result = build(changed, crops, options)
    assert result.bundle == out, result.outcome
    return out


def _louder(ticket: Ticket) -> Ticket:
    """The last layer times 3: every decision and the order of all pictures stay as they are."""
    weights = {name: np.array(values) for name, values in ticket.weights.items()}
    (head,) = [name for name, values in weights.items() if values.ndim == 2 and len(values) == 1]
    for name in (head, head.replace("weight", "bias")):
        weights[name] = weights[name] * 3
    return replace(ticket, weights=weights)


def _contract(**fields: Any) -> Callable[[Ticket], Ticket]:
    return lambda ticket: replace(ticket, contract=replace(ticket.contract, **fields))


def _failed(report: Report) -> dict[str, Check]:
    return {check.name: check for check in report.checks if check.outcome is Outcome.FAIL}


def _recheck(bundle: Path, reference: TicketReference | None) -> tuple[Report, ...]:
    with open_bundle(bundle) as opened:
        return recheck(opened, ["native"], reference)


def test_the_tickets_own_bundle_passes(ticket: Path, tmp_path: Path, crops: EvaluationCrops | None) -> None:
    bundle = _built(ticket, tmp_path / "a.edgedf", crops, lambda ticket: ticket)
    with open_bundle(bundle) as opened:
        reports = recheck(opened, ["native"], ticket_reference(opened.manifest, ticket, None, CROPS))
    assert [_failed(report) for report in reports] == [{}, {}]
    assert [check.name for check in reports[0].checks][-2:] == ["ticket", "logits"]
    assert all(report.outcome is Outcome.PASS for report in reports)


def test_another_network_behind_the_tickets_hash_is_refused(
    ticket: Path,
    tmp_path: Path,
    crops: EvaluationCrops | None,
    reference: TicketReference,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = _built(ticket, tmp_path / "evil.edgedf", crops, _louder)
    assert [report.outcome for report in _recheck(bundle, None)] == [Outcome.PASS, Outcome.PASS]
    goldens, native = _recheck(bundle, reference)
    assert set(_failed(goldens)) == {"logits"}
    assert _failed(goldens)["logits"].detail.startswith("changed goldens: ")
    # Decisions and AUC are the ticket's own: only the values tell.
    assert set(_failed(native)) == {"values"}
    arguments = ["parity", str(bundle), "--ticket", str(ticket), "--crops", str(CROPS), "--json"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["not_checked"]) == ("fail", ["conversion"])


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (_contract(threshold=0.999999), "contract.threshold is 0.999999, the ticket's is 0.5"),
        (_contract(temperature=4.0), "contract.temperature is 4.0, the ticket's is 1.0"),
        (_contract(box_scale=2.0), "contract.box_scale is 2.0, the ticket's is 1.3"),
    ],
)
def test_another_contract_behind_the_tickets_hash_is_refused(
    ticket: Path, tmp_path: Path, reference: TicketReference, change: Callable[[Ticket], Ticket], detail: str
) -> None:
    """Manifest, goldens and the file all say the same; only the ticket knows better."""
    bundle = _built(ticket, tmp_path / "evil.edgedf", None, change)
    assert all(report.outcome is Outcome.PASS for report in _recheck(bundle, None))
    goldens, native = _recheck(bundle, reference)
    assert _failed(goldens)["ticket"].failures == (detail,)
    assert "open" in _failed(native)


def test_goldens_of_another_size_are_refused_and_nothing_breaks(
    ticket: Path, tmp_path: Path, reference: TicketReference
) -> None:
    bundle = _built(ticket, tmp_path / "evil.edgedf", None, lambda _: lively_ticket(size=96))
    goldens, _ = _recheck(bundle, reference)
    assert _failed(goldens)["ticket"].failures == (
        "contract.size is 96, the ticket's is 64",
        "arch_args is {'size': 96}, the ticket's is {'size': 64}",
    )
    assert {check.name: check.outcome for check in goldens.checks}["logits"] is Outcome.NOT_RUN


def test_goldens_of_another_machine_pass_and_changed_ones_fail() -> None:
    """Sums in another order move a last bit, and every float32 has room for that."""
    goldens = own_goldens()
    scale = logit_scale(goldens.logits)
    up = np.nextafter(goldens.logits, np.float32(np.inf))
    assert check_golden_logits(goldens, up).outcome is Outcome.PASS
    for factor, outcome in ((0.9, Outcome.PASS), (1.2, Outcome.FAIL)):
        moved = goldens.logits.copy()
        moved[3] += np.float32(factor * GOLDEN_LIMIT * scale)
        check = check_golden_logits(replace(goldens, logits=moved), goldens.logits)
        assert check.outcome is outcome
    assert [line.split(":")[0] for line in check.failures] == [f"{goldens.pictures[3].name} (index 3)"]
    nothing = np.full_like(goldens.logits, np.nan)
    check = check_golden_logits(goldens, nothing)
    assert check.outcome is Outcome.FAIL
    assert len(check.failures) == len(goldens.logits)


def test_another_ticket_is_refused_before_anything_runs(ticket: Path, tmp_path: Path) -> None:
    write_ticket(tmp_path / "other.safetensors", lively_ticket(seed=1))
    bundle = _built(ticket, tmp_path / "a.edgedf", None, lambda ticket: ticket)
    with (
        open_bundle(bundle) as opened,
        pytest.raises(BundleError, match="was built from another ticket"),
    ):
        bundle_source(opened.manifest, tmp_path / "other.safetensors")
