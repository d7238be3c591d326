"""What one core of this machine can do at best, measured: multiply-adds and bytes per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# A product this large runs from the caches, so that only the multipliers limit it.
_SIDE = 512
# About the activations of a small network: they stay in a core's own cache.
_COPY_BYTES = 1 << 18
_REPEATS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One core.

    Attributes:
        multiplies_per_second: float32 multiply-adds, those of PyTorch's matrix product of 512 x 512.
        bytes_per_second: bytes read and written, those of a copy of 256 KiB.
    """

    multiplies_per_second: float
    bytes_per_second: float


def measure_limits() -> Limits:
    """Measure for about half a second; the fastest of many tries counts. Needs torch."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
        out = torch.empty(_SIDE, _SIDE)
        product = _fastest(lambda: torch.mm(left, right, out=out))
    finally:
        torch.set_num_threads(threads)
    source, target = np.ones(_COPY_BYTES, np.uint8), np.empty(_COPY_BYTES, np.uint8)
    copy = _fastest(lambda: np.copyto(target, source))
    return Limits(multiplies_per_second=_SIDE**3 / product, bytes_per_second=2 * _COPY_BYTES / copy)


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of the shortest call."""
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best
