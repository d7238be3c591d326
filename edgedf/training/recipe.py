"""The recipe: every setting of one training run, checked when it is built.

Two runs with equal recipes, seeds, data and thread counts give equal bytes on one kind of CPU.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

from edgedf.contract import Contract
from edgedf.errors import TrainingError, UsageError
from edgedf.training.checks import check_choice, check_integer, check_number, check_sparsities

OPTIMIZERS = ("adamw", "sgd")
SCOPES = ("global", "layerwise")
AUGMENTS = ("none", "shift", "box-jitter")
CONTROLS = ("oneshot", "oneshot-round", "random", "reinit", "dense-long")
FINE_TUNE = "none"
WEIGHTS, LEARNING_RATE = "weights", "learning-rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of one run. Raises UsageError or ModelError when a value is out of range.

    Attributes:
        name: of the recipe function it came from; only a label.
        arch: "mesonet", "cnn5" or "resnet18".
        size: side of the crop in pixels, a multiple of 32 in 32..512.
        box_scale: crop square over face box, 1.0..4.0; goes into the contract.
        dropout: probability before the linear layers, 0..0.95; 0 for resnet18, which has none.
        optimizer: "adamw" (Loshchilov and Hutter 2019) or "sgd" with momentum.
        lr: peak learning rate, 1e-6..10.
        momentum: of sgd, 0..0.999; unused by adamw.
        weight_decay: 0..1.
        batch: images per step, 2..4096.
        epochs: length of the dense training in passes over the training split, 1..10000.
        warmup: length of the linear warm-up in epochs, 0..epochs; a cosine to 0 follows.
        patience: epochs without a better validation loss after which training stops; 0 never stops early.
            Every training keeps the weights of its best validation epoch, stopped early or not.
        augment: "none"; "shift" (moves by up to `shift` pixels, flips); "box-jitter" (the face box moves and
            shrinks or grows by up to `jitter` of its side, flips).
        shift: pixels, 0..64.
        jitter: share of the box side, 0..0.5.
        train_images: most training images to use, 0 for all; picked by class, the same for every seed.
        rounds: pruning rounds after the dense training, 0..60.
        rate: share of the weights left that one round prunes, 0.01..0.95.
        sparsities: sparsity after each round, rising in (0, 1); empty: from rounds and rate.
        scope: "global" compares all layers' magnitudes, "layerwise" prunes each layer alike.
        floor: share of every layer that no round may prune, 0..0.5; at most half of the round's density.
        rewind: epoch of the dense training that rounds start from again, 0..epochs-1; None fine-tunes.
        rewind_mode: what goes back to that epoch. "weights": the weights and the schedule (Frankle et al.
            2020); "learning-rate": the schedule alone, trained weights stay (Renda et al. 2020).
        fine_tune: learning rate of fine-tuning over `lr`, 0.001..1; unused when rounds rewind.
        controls: what is trained beside IMP, of "oneshot" (equal total budget), "oneshot-round" (one round's
            budget), "random" (the round's layer counts, random places), "reinit" (the mask, new weights),
            "dense-long" (no mask, equal total budget); each once.
        control_sparsities: controls run at the first round that reaches each of these, in (0, 1).
        keep_accuracy: the sparsest round whose validation accuracy is at least this share of the dense one
            becomes the chosen ticket, 0.5..1.
    """

    name: str = "custom"
    arch: str = "mesonet"
    size: int = 128
    box_scale: float = 1.3
    dropout: float = 0.1
    optimizer: str = "adamw"
    lr: float = 5e-3
    momentum: float = 0.9
    weight_decay: float = 1e-4
    batch: int = 32
    epochs: int = 14
    warmup: float = 0.5
    patience: int = 0
    augment: str = "shift"
    shift: int = 8
    jitter: float = 0.15
    train_images: int = 0
    rounds: int = 8
    rate: float = 0.2
    sparsities: tuple[float, ...] = ()
    scope: str = "global"
    floor: float = 0.02
    rewind: int | None = 1
    rewind_mode: str = WEIGHTS
    fine_tune: float = 0.1
    controls: tuple[str, ...] = ("oneshot", "random")
    control_sparsities: tuple[float, ...] = (0.8, 0.95)
    keep_accuracy: float = 0.97

    def __post_init__(self) -> None:
        from edgedf.models import check_args

        check_integer("size", self.size, 32, 512, multiple=32)
        check_args(self.arch, {"size": self.size})
        for field, low, high in _INTEGERS:
            check_integer(field, getattr(self, field), low, high)
        for field, least, most in _NUMBERS:
            check_number(field, getattr(self, field), least, most)
        for field, known in _CHOICES:
            check_choice(field, getattr(self, field), known)
        for control in self.controls:
            check_choice("controls", control, CONTROLS)
            if self.controls.count(control) > 1:
                raise UsageError(f"names {control} more than once", field="controls")
        check_number("warmup", self.warmup, 0.0, float(self.epochs))
        if self.rewind is not None:
            check_integer("rewind", self.rewind, 0, self.epochs - 1)
        elif self.rewind_mode != WEIGHTS:
            problem = f"is {str(self.rewind_mode)[:40]!r}, but nothing is rewound"
            raise UsageError(problem, field="rewind_mode", hint="name the epoch to rewind to (rewind)")
        if self.dropout and not self._has_dropout:
            raise UsageError(f"{self.arch} has no dropout, expected 0", field="dropout")
        check_sparsities("sparsities", self.sparsities, rising=True)
        check_sparsities("control_sparsities", self.control_sparsities, rising=False)

    @property
    def _has_dropout(self) -> bool:
        from edgedf.models import architecture

        return "dropout" in inspect.signature(architecture(self.arch).build).parameters

    @property
    def arch_args(self) -> dict[str, Any]:
        """The registry's keyword arguments."""
        return {"size": self.size} | ({"dropout": self.dropout} if self._has_dropout else {})

    @property
    def rewinds_weights(self) -> bool:
        """Whether rounds start from the weights of the rewind epoch; otherwise trained weights stay."""
        return self.rewind is not None and self.rewind_mode == WEIGHTS

    @property
    def contract(self) -> Contract:
        """The contract of the run's crops; tickets carry it with their own temperature."""
        return Contract(size=self.size, box_scale=self.box_scale)

    @property
    def targets(self) -> tuple[float, ...]:
        """Sparsity after each round, 0..1, without the dense round 0."""
        if self.sparsities:
            return self.sparsities
        return tuple(1.0 - (1.0 - self.rate) ** r for r in range(1, self.rounds + 1))

    def settings(self) -> dict[str, Any]:
        """Every field as JSON; `rewind` is a number or "none"."""
        values = asdict(self)
        for field in _TUPLES:
            values[field] = list(values[field])
        return values | {"rewind": FINE_TUNE if self.rewind is None else self.rewind}

    def to_json(self) -> dict[str, Any]:
        """`settings` without those of `_ADDED` that have their default: what files hold."""
        return {name: v for name, v in self.settings().items() if name not in _ADDED or v != _ADDED[name]}

    @staticmethod
    def from_json(value: Any, *, file: str | None = None) -> Recipe:
        """The recipe in a parsed JSON object, also of an earlier version.

        Raises TrainingError on unknown, missing or bad fields.
        """
        names = {field.name for field in fields(Recipe)}
        if not isinstance(value, Mapping) or names != {*value, *_ADDED}:
            raise TrainingError("does not hold the settings this edgedf knows", file=file, field="recipe")
        arguments = {**_ADDED, **value}
        arguments["rewind"] = None if value["rewind"] == FINE_TUNE else value["rewind"]
        try:
            for field in _TUPLES:
                arguments[field] = tuple(arguments[field])
            return Recipe(**arguments)
        except (TypeError, UsageError) as error:
            raise TrainingError(f"is damaged ({error})", file=file, field="recipe") from error


# Fields that came later, with what runs before them did: left out at that value, so that the bytes of tickets
# and run.json stay what they were.
_ADDED: Mapping[str, Any] = MappingProxyType({"rewind_mode": WEIGHTS})
_CHOICES = (
    ("optimizer", OPTIMIZERS),
    ("scope", SCOPES),
    ("augment", AUGMENTS),
    ("rewind_mode", (WEIGHTS, LEARNING_RATE)),
)
_TUPLES = ("sparsities", "controls", "control_sparsities")
_INTEGERS = (
    ("batch", 2, 4096),
    ("epochs", 1, 10_000),
    ("patience", 0, 10_000),
    ("shift", 0, 64),
    ("train_images", 0, 1 << 40),
    ("rounds", 0, 60),
)
_NUMBERS = (
    ("box_scale", 1.0, 4.0),
    ("dropout", 0.0, 0.95),
    ("lr", 1e-6, 10.0),
    ("momentum", 0.0, 0.999),
    ("weight_decay", 0.0, 1.0),
    ("jitter", 0.0, 0.5),
    ("rate", 0.01, 0.95),
    ("floor", 0.0, 0.5),
    ("fine_tune", 0.001, 1.0),
    ("keep_accuracy", 0.5, 1.0),
)
