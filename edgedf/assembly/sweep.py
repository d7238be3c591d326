"""Measure latency over sparsity: random masks, every engine that runs here, the same crop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from edgedf.analysis.latency import processor_name, time_in_turns
from edgedf.analysis.sweep import Sweep, SweepPoint
from edgedf.assembly.artifact import artifact_entry, on_disk
from edgedf.contract import Contract
from edgedf.errors import EdgedfError, NotRunError
from edgedf.runtime.backend import Backend, open_backend

if TYPE_CHECKING:
    from edgedf.compact.module import GraphModule

SPARSITIES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
# Core ML is timed on a Mac, in the app; what runs its programs elsewhere is no engine.
ENGINES = ("native", "tflite", "executorch")
# The engines whose time depends on which weights are zero.
SPARSE = ("native",)
# What one network may take, all engines together.
SECONDS = 2.0
AGREEMENT = 1e-4
# Smaller layers, such as the last one, keep every weight, as a ticket's do.
_LEAST_WEIGHTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One architecture at one crop size in pixels."""

    arch: str
    size: int

    @property
    def name(self) -> str:
        """Such as "mesonet@128"."""
        return f"{self.arch}@{self.size}"


def sparse_network(work: Work, sparsity: float, *, seed: int = 0) -> GraphModule:
    """The compacted network with `sparsity` of each layer's weights zero, at random places.

    Time depends on how many weights are left and not on their values, so nothing is trained; batch norm gets
    statistics of a trained network's size, so that nothing degenerates. Raises ModelError on a bad `work`.
    """
    import torch
    from torch import nn

    from edgedf.compact.module import GraphModule
    from edgedf.compact.rewrite import compact_graph
    from edgedf.compact.trace import trace_graph
    from edgedf.models.registry import build_model

    generator = torch.Generator().manual_seed(seed)
    network = build_model(work.arch, {"size": work.size}, seed=seed).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > _LEAST_WEIGHTS:
            count = module.weight.numel()
            order = torch.randperm(count, generator=generator).reshape(module.weight.shape)
            module.weight.data *= (order >= round(sparsity * count)) / (1 - sparsity) ** 0.5
    graph, _ = compact_graph(trace_graph(network, (3, work.size, work.size)))
    return GraphModule(graph)


def run_sweep(
    works: Sequence[Work],
    *,
    sparsities: Sequence[float] = SPARSITIES,
    runs: int = 50,
    threads: int = 1,
    seconds: float = SECONDS,
    notify: Callable[[str], None] = lambda _: None,
) -> Sweep:
    """Time every work at every sparsity (0 <= s < 1) on every engine that runs here, calls in turns.

    The engines' answers for the crop must agree, or their times would mean nothing: EdgedfError otherwise.

    Args:
        runs: timed calls per engine and network, fewer where they take more than `seconds` together.
        notify: called with a few words before each network.
    Raises NotRunError if no engine runs here, ModelError for an unknown architecture or size.
    """
    points: list[SweepPoint] = []
    not_run: dict[str, str] = {}
    for work in works:
        with _Engines(work, threads, not_run) as engines:
            for sparsity in sparsities:
                notify(f"{work.name} {sparsity:.0%}")
                engines.take(sparse_network(work, sparsity), sparsity)
                times = time_in_turns(engines.backends, engines.crop_nhwc, runs, seconds=seconds)
                for target, backend in engines.backends.items():
                    points.append(_point(work, sparsity, target, backend.runtime, times[target]))
    if not points:
        raise NotRunError("no engine runs here", hint="`edgedf doctor` says what is missing")
    return Sweep(processor=processor_name(), threads=threads, points=tuple(points), not_run=not_run)


class _Engines:
    """The open backends of one work; an engine that computes zeros too is converted once per form."""

    def __init__(self, work: Work, threads: int, not_run: dict[str, str]) -> None:
        self.backends: dict[str, Backend] = {}
        self.crop_nhwc = np.random.default_rng(1).integers(
            0, 256, (1, work.size, work.size, 3), dtype=np.uint8
        )
        self._work, self._threads, self._not_run = work, threads, not_run
        self._form: tuple[object, ...] = ()

    def take(self, module: GraphModule, sparsity: float) -> None:
        """Open what must be opened to time `module`. What is opened anew must agree on the crop's logit."""
        form = _form(module)
        anew = [target for target in ENGINES if target in SPARSE or form != self._form]
        self._form = form
        for target in anew:
            if target in self.backends:
                self.backends.pop(target).close()
            try:
                self.backends[target] = _open(target, module, self._work, self._threads)
            except NotRunError as error:
                self._not_run[target] = error.problem
        answers = {t: float(self.backends[t].run(self.crop_nhwc)[0]) for t in anew if t in self.backends}
        _check_agreement(self._work, sparsity, answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for backend in self.backends.values():
            backend.close()


def _form(module: GraphModule) -> tuple[object, ...]:
    """What decides the time of an engine that does not look at the weights: operators and shapes."""
    shapes = module.graph.shapes()
    return tuple(
        (type(node.op), node.inputs, shapes[node.name], getattr(node.op, "weight_oihw", np.zeros(0)).shape)
        for node in module.graph.nodes
    )


def _open(target: str, module: GraphModule, work: Work, threads: int) -> Backend:
    from converters import Options, convert

    made = convert(target, module, Contract(size=work.size), Options())
    with on_disk(made.files) as folder:
        return open_backend(folder, artifact_entry(made), threads=threads)


def _check_agreement(work: Work, sparsity: float, answers: dict[str, float]) -> None:
    scale = max(1.0, *(abs(value) for value in answers.values())) if answers else 1.0
    if answers and max(answers.values()) - min(answers.values()) > AGREEMENT * scale:
        found = ", ".join(f"{target} {value:.6g}" for target, value in answers.items())
        raise EdgedfError(f"the engines disagree at {sparsity:.0%}: {found}", field=work.name)


def _point(work: Work, sparsity: float, target: str, runtime: str, times: Sequence[float]) -> SweepPoint:
    low, median, high = (float(value) for value in np.percentile(times, (10, 50, 90)))
    return SweepPoint(
        work=work.name,
        sparsity=sparsity,
        target=target,
        runtime=runtime,
        median=median,
        low=low,
        high=high,
        runs=len(times),
    )
