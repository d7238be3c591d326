"""What each step of the native engine costs: time, multiplies and bytes, beside the machine's limits.

The engine runs a model as a whole, so a step's time is the difference between two models: the network cut off
after the step, and cut off before it, each with a head of one multiply for every value that is still needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edgedf.analysis.machine_limits import Limits, measure_limits
from edgedf.assembly.layer_cuts import cut, useful_cuts
from edgedf.compact.graph import Graph
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel, Step

_LEAST_CALLS = 5
# Differences below this are the clock's and Python's.
_LEAST_MS = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """One step, or a few that no cut can tell apart.

    Attributes:
        layers, kernels: of its steps, joined by "; ".
        kept: share of weights that are not zero, None where there are no weights.
        multiplies: that the kernels really do, per crop.
        bytes_moved: activations in and out and the tables, each once.
        milliseconds: measured, at least 0.
        multiplies_ms, bytes_ms: the least time that the machine needs for each of the two.
        limit: "multiplies" or "bytes", whichever needs longer.
        share: of the limit that is reached, 0..1; None where the time is too short to say.
    """

    layers: str
    kernels: str
    kept: float | None
    multiplies: int
    bytes_moved: int
    milliseconds: float
    multiplies_ms: float
    bytes_ms: float
    limit: str
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCosts:
    """All steps in order, the whole network's time, the machine's limits and the engine's kernels."""

    kernels: str
    milliseconds: float
    limits: Limits
    steps: tuple[StepCost, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def layer_costs(
    graph: Graph,
    contract: Contract,
    precision: str = "float32",
    *,
    seconds: float = 10.0,
    notify: Callable[[int, int], None] = lambda *_: None,
) -> LayerCosts:
    """Measure every step of a compacted network on one thread; the shortest call of each cut counts.

    Args:
        precision: of the weights, as for `edgedf build`.
        seconds: how long to measure, about.
        notify: called with (calls done, calls wanted).
    Raises ConvertError if the native format does not hold the network, NotRunError without the C core.
    """
    from converters.native_format.file import model_file

    with ExitStack() as stack:

        def opened(part: Graph) -> NativeModel:
            size = part.input_chw[1]
            model = NativeModel(model_file(part, replace(contract, size=size), precision, {}))
            stack.callback(model.close)
            return model

        whole = opened(graph)
        cuts = useful_cuts(graph, whole.steps(), opened)
        limits = measure_limits()
        # The smallest network there is: what a call costs that computes next to nothing.
        idle = opened(cut(Graph(input_chw=(3, 16, 16), nodes=()), -1))
        idle_ms, *times = _shortest([idle, *(model for _, model in cuts)], seconds, notify)
        return LayerCosts(
            kernels=whole.variant,
            milliseconds=times[-1],
            limits=limits,
            steps=_costs(whole.steps(), [count for count, _ in cuts], times, idle_ms, limits),
        )


def _shortest(
    models: Sequence[NativeModel], seconds: float, notify: Callable[[int, int], None]
) -> list[float]:
    """The shortest call of each model in milliseconds; they take turns. Other programs only ever add time."""
    rng = np.random.default_rng(1)
    crops = [rng.integers(0, 256, (1, m.size, m.size, 3), dtype=np.uint8) for m in models]
    best = [float("inf")] * len(models)
    began = time.perf_counter()
    calls = 0
    while calls < _LEAST_CALLS or time.perf_counter() - began < seconds:
        for index, (model, crop_nhwc) in enumerate(zip(models, crops, strict=True)):
            model.run(crop_nhwc)  # its memory comes back into the cache
            start = time.perf_counter()
            model.run(crop_nhwc)
            best[index] = min(best[index], 1e3 * (time.perf_counter() - start))
        calls += 1
        notify(min(int(time.perf_counter() - began), int(seconds)), int(seconds))
    return best


def _costs(
    steps: Sequence[Step], counts: Sequence[int], times: Sequence[float], idle_ms: float, limits: Limits
) -> tuple[StepCost, ...]:
    """The first part pays for all but an idle call, each later one for what it adds."""
    costs = []
    before, spent = 0, idle_ms
    for count, total in zip(counts, times, strict=True):
        costs.append(_cost(steps[before:count], max(total - spent, 0.0), limits))
        before, spent = count, max(total, spent)
    return tuple(costs)


def _cost(steps: Sequence[Step], milliseconds: float, limits: Limits) -> StepCost:
    multiplies = sum(step.multiplies for step in steps)
    moved = sum(step.table_bytes + step.read_bytes + step.write_bytes for step in steps)
    weights = sum(step.weights for step in steps)
    floor = {
        "multiplies": multiplies / limits.multiplies_per_second * 1e3,
        "bytes": moved / limits.bytes_per_second * 1e3,
    }
    limit = max(floor, key=lambda name: floor[name])
    return StepCost(
        layers="; ".join(step.layer or step.kernel for step in steps),
        kernels="; ".join(dict.fromkeys(step.kernel for step in steps)),
        kept=sum(step.nonzero for step in steps) / weights if weights else None,
        multiplies=multiplies,
        bytes_moved=moved,
        milliseconds=milliseconds,
        multiplies_ms=floor["multiplies"],
        bytes_ms=floor["bytes"],
        limit=limit,
        share=min(1.0, floor[limit] / milliseconds) if milliseconds >= _LEAST_MS else None,
    )
