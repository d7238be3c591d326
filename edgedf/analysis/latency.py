"""Latency of a bundle's artifacts here: interleaved rounds, median and spread, one crop at a time."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.bundle.reader import Bundle
from edgedf.errors import NotRunError
from edgedf.runtime.backend import Backend
from edgedf.runtime.choice import open_agreeing

U8 = npt.NDArray[np.uint8]
# What stands in for a runtime that is not here is never timed under that runtime's name.
_REFERENCE_MARK = "reference"
_WARM_UP, _LEAST_ROUNDS = 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of one crop through one artifact, or why it was not run.

    Attributes:
        target, precision: as in the manifest.
        runtime: what executed, "" if nothing did.
        threads, runs: threads of the runtime and timed calls.
        median, low, high: median, 10th and 90th percentile in milliseconds; None if not run.
        not_run: the reason, "" if it ran.
    """

    target: str
    precision: str
    runtime: str = ""
    threads: int = 1
    runs: int = 0
    median: float | None = None
    low: float | None = None
    high: float | None = None
    not_run: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def processor_name() -> str:
    """What this machine calls its processor, "" where it does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def measure(
    bundle: Bundle,
    targets: Sequence[str],
    *,
    runs: int = 50,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Latency, ...]:
    """Time each target on the same crop.

    The targets take turns, one call each per round, so that a machine that slows down slows all of them.

    Args:
        bundle: an open bundle.
        targets: which of its targets, in the order of the result.
        runs: timed calls per target, >= 1.
        threads: threads of each runtime.
        progress: called with (rounds done, rounds).

    Raises BundleError if the bundle lacks a target or an artifact fails.
    """
    size = bundle.manifest.contract.size
    crop_nhwc = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    reasons: dict[str, str] = {}
    with ExitStack() as stack:
        backends: dict[str, Backend] = {}
        for target in targets:
            try:
                backend = open_agreeing(bundle, target, threads)
            except NotRunError as error:
                reasons[target] = error.problem
                continue
            stack.enter_context(backend)
            if _REFERENCE_MARK in backend.runtime.lower():
                reasons[target] = f"{backend.runtime} computes the numbers, its time means nothing"
            else:
                backends[target] = backend
        times = time_in_turns(backends, crop_nhwc, runs, progress=progress)
        runtimes = {target: backend.runtime for target, backend in backends.items()}
    return tuple(
        _latency(bundle, target, threads, runtimes.get(target, ""), times.get(target, []), reasons)
        for target in targets
    )


def time_in_turns(
    backends: Mapping[str, Backend],
    crop_nhwc: U8,
    runs: int,
    *,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[float]]:
    """Milliseconds of each call, by name, after a few that are not counted.

    Args:
        backends: they take turns, one call each per round.
        crop_nhwc: (1, S, S, 3) uint8.
        runs: rounds, >= 1.
        seconds: stop earlier once this much time went by, but not before five rounds.
        progress: called with (rounds done, rounds).
    """
    times: dict[str, list[float]] = {name: [] for name in backends}
    for backend in backends.values():
        for _ in range(_WARM_UP):
            backend.run(crop_nhwc)
    began = time.perf_counter()
    for done in range(runs):
        if seconds is not None and done >= _LEAST_ROUNDS and time.perf_counter() - began > seconds:
            break
        for name, backend in backends.items():
            start = time.perf_counter()
            backend.run(crop_nhwc)
            times[name].append(1e3 * (time.perf_counter() - start))
        if progress is not None:
            progress(done + 1, runs)
    return times


def _latency(
    bundle: Bundle, target: str, threads: int, runtime: str, times: list[float], reasons: dict[str, str]
) -> Latency:
    precision = bundle.artifact(target).precision
    if not times:
        return Latency(target=target, precision=precision, threads=threads, not_run=reasons[target])
    low, high = (float(value) for value in np.percentile(times, (10, 90)))
    return Latency(
        target=target,
        precision=precision,
        runtime=runtime,
        threads=threads,
        runs=len(times),
        median=statistics.median(times),
        low=low,
        high=high,
    )
