"""run.json is read strictly: each odd field is a named error, whoever reads it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgedf.errors import TrainingError
from edgedf.training.recipe import Recipe
from edgedf.training.run_file import read_run

MEASURED = dict.fromkeys(
    ("accuracy", "auc", "loss", "accuracy_low", "accuracy_high", "auc_low", "auc_high", "count", "people"),
    0.5,
)
POINT: dict[str, Any] = {
    "kind": "imp", "round": 0, "seed": 0, "sparsity": 0.0, "nonzero": 10, "layers": {"a": 0.0}, "held": [],
    "temperature": 1.0, "metrics": {
        "validation": dict(MEASURED), "test": dict(MEASURED),
        "training": {"epochs": 1.0, "spent_epochs": 1.0, "best_epoch": 1.0, "best_validation_loss": 0.6},
    },
    "ticket": "tickets/round-00.safetensors", "sha256": "ab" * 32,
}  # fmt: skip
RUN: dict[str, Any] = {
    "format_version": 1, "status": "complete", "recipe": Recipe().to_json(), "seeds": [0],
    "dataset": {"name": "n", "fingerprint": "cd" * 32, "description": "", "images": {"test": 4}},
    "machine": {"device": "cpu", "threads": 1}, "points": [POINT],
    "chosen": {name: POINT[name] for name in ("ticket", "sha256", "round", "seed", "sparsity")},
    "evaluation": {"split": "test", "count": 2, "of": 4,
                   "sha256": {"crops.npy": "ef" * 32, "labels.npy": "01" * 32}},
}  # fmt: skip


def _write(folder: Path, edit: Callable[[Any], object]) -> Path:
    run = copy.deepcopy(RUN)
    edit(run)
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def test_a_sound_run_is_read(tmp_path: Path) -> None:
    assert read_run(_write(tmp_path, lambda _: None)) == RUN


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (lambda r: r.update(points="x"), "points"),
        (lambda r: r.update(recipe=3), "recipe"),
        (lambda r: r["recipe"].update(arch=["mesonet"]), "recipe"),
        (lambda r: r["recipe"].update(arch="x"), "recipe"),
        (lambda r: r["recipe"].update(controls="oneshot"), "recipe"),
        (lambda r: r["recipe"].update(name=3), "recipe.name"),
        (lambda r: r.update(format_version=1.0), "format_version"),
        (lambda r: r.update(format_version=True), "format_version"),
        (lambda r: r.update(status="done"), "status"),
        (lambda r: r.update(seeds=[]), "seeds"),
        (lambda r: r.update(seeds=["a"]), "seeds[0]"),
        (lambda r: r["machine"].update(threads="2"), "machine.threads"),
        (lambda r: r["dataset"].update(name="\x1b[31m"), "dataset.name"),
        (lambda r: r["dataset"].update(images=[1]), "dataset.images"),
        (lambda r: r["points"][0].update(sparsity="a"), "points[0].sparsity"),
        (lambda r: r["points"][0].update(nonzero=None), "points[0].nonzero"),
        (lambda r: r["points"][0].update(metrics=[]), "points[0].metrics"),
        (lambda r: r["points"][0]["metrics"]["test"].update(auc="x"), "points[0].metrics.test.auc"),
        (lambda r: r["points"][0]["metrics"]["test"].update(auc=1.01), "points[0].metrics.test.auc"),
        (lambda r: r["points"][0]["metrics"]["test"].pop("accuracy"), "points[0].metrics.test.accuracy"),
        (lambda r: r["points"][0]["metrics"]["validation"].pop("loss"), "points[0].metrics.validation.loss"),
        (lambda r: r["points"][0]["metrics"]["training"].pop("epochs"), "points[0].metrics.training.epochs"),
        (lambda r: r["points"][0]["metrics"]["validation"].update(x=1), "points[0].metrics.validation.x"),
        (lambda r: r["points"][0]["metrics"]["test"].update(auc=0.4), "points[0].metrics.test.auc"),
        (
            lambda r: r["points"][0]["metrics"]["validation"].update(accuracy_low=1, accuracy_high=0),
            "points[0].metrics.validation.accuracy",
        ),
        (lambda r: r["points"].append(r["points"][0]), "points[1]"),
        (lambda r: r["points"][0].update(ticket="../r1/ticket.safetensors"), "points[0].ticket"),
        (lambda r: r["points"][0].update(ticket="/etc/passwd"), "points[0].ticket"),
        (lambda r: r["chosen"].update(ticket="../r1/ticket.safetensors"), "chosen"),
        (lambda r: r["chosen"].update(sha256="00" * 32), "chosen"),
        (lambda r: r.update(chosen=None), "chosen"),
        (lambda r: r["evaluation"].update(count=5), "evaluation.count"),
        (lambda r: r.pop("points"), "points"),
        (lambda r: r.update(extra=1), "extra"),
    ],
)
def test_a_bad_field_is_named(tmp_path: Path, edit: Callable[[Any], object], field: str) -> None:
    with pytest.raises(TrainingError) as caught:
        read_run(_write(tmp_path, edit))
    assert caught.value.field == field


def test_json_that_breaks_later_code_is_refused(tmp_path: Path) -> None:
    text = json.dumps(RUN)
    for old, new in (('"n"', '"\\ud800"'), ('"threads": 1', '"threads": 1e400')):
        (tmp_path / "run.json").write_text(text.replace(old, new))
        with pytest.raises(TrainingError, match="not valid JSON"):
            read_run(tmp_path)
