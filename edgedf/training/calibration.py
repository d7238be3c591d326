"""Temperature scaling (Guo et al. 2017): one number that makes scores mean what they say."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edgedf.training.metrics import Floats, log_loss

# Wider than any useful answer, narrower than what a contract may hold.
LOWEST, HIGHEST = 0.05, 20.0
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def fit_temperature(logits: Floats, labels: npt.NDArray[np.uint8]) -> float:
    """The temperature in 0.05..20 with the least log loss, rounded to four digits.

    The loss is convex in 1 / temperature, so a golden-section search over it finds the minimum.
    Decisions at threshold 0.5 do not change with the temperature. Logits that say nothing give 1.
    """
    if np.ptp(logits) == 0:
        return 1.0

    def loss(inverse: float) -> float:
        return log_loss(logits, labels, temperature=1.0 / inverse)

    low, high = 1.0 / HIGHEST, 1.0 / LOWEST
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(60):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return float(f"{2.0 / (low + high):.4g}")
