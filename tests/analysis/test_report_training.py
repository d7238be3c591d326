"""What the page says of a run: budgets, intervals, weak detectors, controls that are missing."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from edgedf.analysis.report import Sources, gather, render
from edgedf.analysis.report.training import curve_section
from edgedf.training.paired import CAVEATS
from edgedf.training.plan import Point
from edgedf.training.recipe import Recipe
from tests.training.test_run_rules import RUN


def _point(kind: str, number: int, seed: int, accuracy: float, spent: float) -> dict[str, Any]:
    point = copy.deepcopy(RUN["points"][0])
    measured = {"accuracy": accuracy, "auc": accuracy, "loss": 0.5, "count": 40.0, "people": 10.0}
    for metric in ("accuracy", "auc"):
        measured |= {f"{metric}_low": accuracy - 0.01, f"{metric}_high": accuracy + 0.01}
    point["metrics"] = {split: dict(measured) for split in ("validation", "test")} | {
        "training": {"epochs": 3.0, "spent_epochs": spent, "best_epoch": 1.0, "best_validation_loss": 0.6}
    }
    folder = "" if seed == 0 else f"seeds/{seed}/"
    ticket = folder + Point(kind, number, 0.5 * bool(number)).path
    return point | {
        "kind": kind,
        "round": number,
        "seed": seed,
        "sparsity": 0.5 * bool(number),
        "ticket": ticket,
    }


def _run(*points: dict[str, Any], recipe: Recipe | None = None) -> dict[str, Any]:
    seeds = list(dict.fromkeys(point["seed"] for point in points))
    chosen = {name: points[0][name] for name in ("ticket", "sha256", "round", "seed", "sparsity")}
    settings = (recipe or Recipe()).to_json()
    changed = {"points": list(points), "seeds": seeds, "chosen": chosen, "recipe": settings}
    return copy.deepcopy(RUN) | changed | {"evaluation": None, "status": "running"}


def _seeds(*gaps: float) -> dict[str, Any]:
    """A run of as many seeds, in which IMP is ahead of one-shot by these gaps."""
    points = []
    for seed, gap in enumerate(gaps):
        points += [_point("imp", 0, seed, 0.9, 6), _point("imp", 1, seed, 0.8, 18)]
        points.append(_point("oneshot", 1, seed, 0.8 - gap, 18))
    return _run(*points)


def test_one_seeds_interval_is_called_an_interval() -> None:
    page = curve_section(_seeds(0.1)).text
    assert '<th class="number">95% interval</th>' in page
    assert "range of the seeds" not in page
    assert "A range goes from" not in page


def test_the_range_over_seeds_is_not_called_the_interval_of_their_mean() -> None:
    page = curve_section(_seeds(0.1, 0.2)).text
    assert '<th class="number">95% interval</th>' not in page
    assert page.count("range of the seeds&#x27; 95% intervals") == 2
    assert "no interval of their mean" in page


def test_people_are_named_only_where_the_figures_know_them() -> None:
    run = _seeds(0.1)
    assert "over people: pictures with the same first person" in curve_section(run).text
    for point in run["points"]:
        point["metrics"]["test"]["people"] = point["metrics"]["test"]["count"]
    page = curve_section(run).text
    assert "over single pictures" in page
    assert "over people" not in page


def test_epochs_stand_beside_the_accuracies() -> None:
    page = curve_section(_seeds(0.1)).text
    assert "epochs spent in all" in page
    for spent in ("6", "18"):
        assert f'<td class="number">3</td><td class="number">{spent}</td>' in page


def test_dense_trained_as_long_has_a_name_of_its_own() -> None:
    run = _run(_point("imp", 0, 0, 0.9, 6), _point("imp", 1, 0, 0.8, 9), _point("dense-long", 1, 0, 0.92, 9))
    page = curve_section(run).text
    assert "<td>dense</td>" in page
    assert "<td>dense, equal budget</td>" in page


def test_three_seeds_have_an_interval_with_its_caveats() -> None:
    page = curve_section(_seeds(0.01, 0.02, 0.03)).text
    assert "+0.0200</td>" in page
    assert "-0.0048 to +0.0448" in page
    for caveat in CAVEATS:
        assert caveat in page


@pytest.mark.parametrize(
    ("gaps", "said"),
    [((0.01, 0.03), "no interval; seeds: +0.0100, +0.0300"), ((0.02,) * 3, "all 3 seeds differ alike")],
)
def test_two_or_equal_seeds_have_none(gaps: tuple[float, ...], said: str) -> None:
    page = curve_section(_seeds(*gaps)).text
    assert "+0.0200</td>" in page
    assert said in page
    assert "+0.0200 to +0.0200" not in page


def test_one_seed_says_how_many_give_an_interval() -> None:
    assert "--seed 0 --seed 1 --seed 2" in curve_section(_seeds(0.1)).text


def test_a_detector_at_chance_is_said_at_the_top() -> None:
    run = _run(_point("imp", 0, 0, 0.52, 6), _point("imp", 1, 0, 0.51, 9))
    run["chosen"]["ticket"] = run["points"][1]["ticket"]
    head = render(Sources(title="t", run=run)).partition("</header>")[0]
    assert "The dense network and the chosen ticket hardly tell fake from real" in head
    assert "AUC 0.520 and 0.510 on validation" in head


def test_a_ticket_at_chance_is_said_where_the_dense_network_is_not() -> None:
    run = _run(_point("imp", 0, 0, 0.9, 6), _point("imp", 1, 0, 0.55, 9))
    run["chosen"]["ticket"] = run["points"][1]["ticket"]
    assert "The chosen ticket hardly tells fake from real (AUC 0.550" in render(Sources(title="t", run=run))


def test_a_detector_that_works_needs_no_such_word() -> None:
    assert "hardly" not in render(Sources(title="t", run=_seeds(0.01)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rounds": 2}, ("controls at 80 % (oneshot, random)", "controls at 95 % (oneshot, random)")),
        ({"control_sparsities": (0.8, 0.9)}, ("controls at 90 % (oneshot, random): no round reaches",)),
        ({"controls": ()}, ("controls: the recipe asks for none",)),
        ({"control_sparsities": ()}, ("controls: the recipe asks for none",)),
        ({"control_sparsities": (0.8,)}, ()),
    ],
    ids=str,
)
def test_controls_that_were_not_trained_are_not_run(
    change: dict[str, Any], said: tuple[str, ...], tmp_path: Path
) -> None:
    recipe = dataclasses.replace(Recipe(), **change)
    (tmp_path / "run.json").write_text(json.dumps(_run(_point("imp", 0, 0, 0.9, 6), recipe=recipe)))
    sources = gather(tmp_path, runs=0)
    controls = [line for line in sources.not_run if line.startswith("controls")]
    assert len(controls) == len(said)
    for line, wanted in zip(controls, said, strict=True):
        assert line.startswith(wanted)
        assert line in render(sources)
