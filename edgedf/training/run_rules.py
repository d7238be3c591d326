"""The rules of run.json, one by one: its schema in docs/formats.md as code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from edgedf.errors import EdgedfError, TrainingError
from edgedf.fields import FieldReader
from edgedf.plain_json import MAX_TEXT, check_plain
from edgedf.training.plan import IMP, Point
from edgedf.training.recipe import CONTROLS, Recipe

FORMAT_VERSION = 1
RUNNING, COMPLETE = "running", "complete"
_HEAD = "format_version status recipe seeds dataset machine points chosen evaluation"
_POINT = "kind round seed sparsity nonzero layers held temperature metrics ticket sha256"
_MEASURED = "accuracy auc loss accuracy_low accuracy_high auc_low auc_high count people"
_TRAINING = "epochs spent_epochs best_epoch best_validation_loss"
_CHOSEN = "ticket sha256 round seed sparsity"


class RunRules(FieldReader):
    """Strict checks of a parsed run.json; raises TrainingError."""

    error: ClassVar[type[EdgedfError]] = TrainingError
    hint: ClassVar[str] = "train again"
    max_text: ClassVar[int] = MAX_TEXT
    max_entries: ClassVar[int] = 100_000

    def document(self, value: Any) -> dict[str, Any]:
        """`value` itself, checked. Raises TrainingError that names the field."""
        version = value.get("format_version") if isinstance(value, dict) else None
        if type(version) is not int or version != FORMAT_VERSION:
            raise self.bad("format_version", "is not that of a run this edgedf can read")
        run = self.record(value, _HEAD, "")
        check_plain(run, "", file=self.file, error=TrainingError)
        self.one_of(run["status"], (RUNNING, COMPLETE), "status")
        self.recipe(run["recipe"])
        seeds = self.sequence(run["seeds"], "seeds")
        for index, seed in enumerate(seeds):
            self.integer(seed, f"seeds[{index}]", 0, (1 << 63) - 1)
        if not seeds or len(set(seeds)) != len(seeds):
            raise self.bad("seeds", "is not a list of different seeds")
        self.dataset(run["dataset"])
        machine = self.record(run["machine"], "device threads", "machine")
        self.one_of(machine["device"], ("cpu", "cuda"), "machine.device")
        self.integer(machine["threads"], "machine.threads", 1, 256)
        self.points(run["points"], seeds)
        self.outcome(run)
        return run

    def recipe(self, value: Any) -> None:
        try:
            name = Recipe.from_json(value).name
        except EdgedfError as error:
            raise self.bad("recipe", f"{error.field or ''} {error.problem}".strip()) from error
        self.text(name, "recipe.name")

    def dataset(self, value: Any) -> None:
        dataset = self.record(value, "name fingerprint description images", "dataset")
        self.text(dataset["name"], "dataset.name")
        self.text(dataset["description"], "dataset.description")
        self.sha256(dataset["fingerprint"], "dataset.fingerprint")
        for split, count in self.table(dataset["images"], "dataset.images").items():
            self.integer(count, f"dataset.images.{split[:60]}", 0, 1 << 40)

    def points(self, value: Any, seeds: Sequence[int]) -> None:
        """Every point, and none of them twice: the same network twice would pass for two seeds."""
        found = set()
        for index, point in enumerate(self.sequence(value, "points")):
            self.point(point, seeds, f"points[{index}]")
            key = point["kind"], point["round"], point["seed"]
            if key in found:
                raise self.bad(
                    f"points[{index}]", f"is there twice ({key[0]}, round {key[1]}, seed {key[2]})"
                )
            found.add(key)

    def point(self, value: Any, seeds: Sequence[int], at: str) -> None:
        """One row of `points`; its fields are named below `at`."""
        point = self.record(value, _POINT, at)
        self.one_of(point["kind"], (IMP, *CONTROLS), f"{at}.kind")
        self.integer(point["round"], f"{at}.round", 0, 60)
        self.integer(point["seed"], f"{at}.seed", 0, (1 << 63) - 1)
        if point["seed"] not in seeds:
            raise self.bad(f"{at}.seed", "is not among the run's seeds")
        self.number(point["sparsity"], f"{at}.sparsity", 0, 1)
        self.integer(point["nonzero"], f"{at}.nonzero", 0, 1 << 40)
        for name, share in self.table(point["layers"], f"{at}.layers").items():
            self.number(share, f"{at}.layers.{name[:60]}", 0, 1)
        for index, name in enumerate(self.sequence(point["held"], f"{at}.held")):
            self.text(name, f"{at}.held[{index}]")
        self.number(point["temperature"], f"{at}.temperature", 1e-3, 1e3)
        self.metrics(point["metrics"], f"{at}.metrics")
        # The place follows from what the point is, so no path in this file can lead anywhere else.
        folder = "" if point["seed"] == seeds[0] else f"seeds/{point['seed']}/"
        expected = folder + Point(point["kind"], point["round"], point["sparsity"]).path
        if point["ticket"] != expected:
            raise self.bad(f"{at}.ticket", f"is {str(point['ticket'])[:80]!r}, expected {expected!r}")
        self.sha256(point["sha256"], f"{at}.sha256")

    def metrics(self, value: Any, at: str) -> None:
        """What was measured on each split; an interval holds its value."""
        for split, values in self.record(value, "validation test training", at).items():
            names = _TRAINING if split == "training" else _MEASURED
            for name, number in self.record(values, names, f"{at}.{split}").items():
                highest = 1 if name.startswith(("accuracy", "auc")) else 1e12
                self.number(number, f"{at}.{split}.{name}", 0, highest)
            for name in () if split == "training" else ("accuracy", "auc"):
                low, high = values[f"{name}_low"], values[f"{name}_high"]
                if not low <= values[name] <= high:
                    raise self.bad(f"{at}.{split}.{name}", f"is not within its interval {low:g} to {high:g}")

    def outcome(self, run: dict[str, Any]) -> None:
        """`chosen` is one of the points, `evaluation` says what was kept; a complete run has both."""
        chosen, evaluation = run["chosen"], run["evaluation"]
        for name in ("chosen", "evaluation"):
            if run[name] is None and run["status"] == COMPLETE:
                raise self.bad(name, "is missing from a complete run")
        if chosen is not None:
            self.record(chosen, _CHOSEN, "chosen")
            if chosen not in [{name: point[name] for name in _CHOSEN.split()} for point in run["points"]]:
                raise self.bad("chosen", f"{str(chosen['ticket'])[:80]!r} is none of the run's points")
        if evaluation is not None:
            self.record(evaluation, "split count of sha256", "evaluation")
            self.text(evaluation["split"], "evaluation.split")
            self.integer(evaluation["of"], "evaluation.of", 0, 1 << 40)
            self.integer(evaluation["count"], "evaluation.count", 0, evaluation["of"])
            for name, digest in self.record(
                evaluation["sha256"], "crops.npy labels.npy", "evaluation.sha256"
            ).items():
                self.sha256(digest, f"evaluation.sha256.{name}")
