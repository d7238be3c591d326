"""Random dataclasses: a field states its range, `draw` fills it."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any

import numpy as np


def between(low: float, high: float) -> Any:
    """A float field of a dataclass that `draw` fills uniformly from [low, high)."""
    return field(metadata={"range": (low, high)})


def draw[T](kind: type[T], rng: np.random.Generator, **given: float) -> T:
    """A `kind` with every field that is not `given` drawn from its range, in the order of the fields."""
    missing = [f for f in fields(kind) if f.name not in given]  # type: ignore[arg-type]
    drawn = {f.name: float(rng.uniform(*f.metadata["range"])) for f in missing}
    return kind(**given, **drawn)


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """One float from [low, high)."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """One float from [low, high), uniform in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def clipped_normal(rng: np.random.Generator, sigma: float, limit: float) -> float:
    """A normal number of mean 0, clipped to -limit..limit."""
    return float(np.clip(rng.normal(0.0, sigma), -limit, limit))
