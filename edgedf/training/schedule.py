"""Learning rates and random seeds as pure functions of the step: what makes a run resumable anywhere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def learning_rate(step: int, *, peak: float, warmup: int, total: int) -> float:
    """Linear warm-up over `warmup` steps, then half a cosine that reaches 0 after step `total` - 1.

    Args:
        step: 0..total-1.
        peak: the largest rate, > 0.
        warmup, total: steps, 0 <= warmup <= total, total >= 1.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    return 0.5 * peak * (1.0 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def derived_seed(seed: int, *path: int) -> int:
    """A 63-bit seed for one purpose (stream, epoch, step ...) of the run with `seed`.

    Different paths give independent streams (numpy's SeedSequence), so no state needs to be saved.
    """
    words = np.random.SeedSequence([seed, *path]).generate_state(2, np.uint32)
    return (int(words[0]) << 31) ^ int(words[1])


def epoch_order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The order in which an epoch visits `count` images."""
    return np.random.default_rng(derived_seed(seed, 1, epoch)).permutation(count)
