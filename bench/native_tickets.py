"""Networks with random masks for timing, and the ways to run each: edgedf's engine, LiteRT, ExecuTorch."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converters import Options, convert
from edgedf.compact.module import GraphModule
from edgedf.compact.rewrite import compact_graph
from edgedf.compact.trace import trace_graph
from edgedf.contract import Contract
from edgedf.models.registry import build_model
from edgedf.native.engine import NativeModel

U8 = npt.NDArray[np.uint8]
Way = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """One architecture at one input size."""

    arch: str
    size: int

    @property
    def name(self) -> str:
        return f"{self.arch}@{self.size}"


def random_ticket(work: Work, sparsity: float, seed: int = 0) -> GraphModule:
    """The compacted network with `sparsity` of each layer's weights zero, at random places.

    Timing depends on how many weights are left and not on their values, so nothing is trained; batch norm
    gets statistics of a trained network's size, so that nothing degenerates.
    """
    import torch
    from torch import nn

    torch.manual_seed(seed)
    network = build_model(work.arch, {"size": work.size}).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > 64:
            order = torch.rand(module.weight.numel()).argsort().reshape(module.weight.shape)
            mask = order >= round(sparsity * module.weight.numel())
            module.weight.data *= mask / (1 - sparsity) ** 0.5
    graph, _ = compact_graph(trace_graph(network, (3, work.size, work.size)))
    return GraphModule(graph)


def native_file(module: GraphModule, work: Work, precision: str = "float32") -> bytes:
    """The module as a native model file."""
    artifact = convert("native", module, Contract(size=work.size), Options(precision=precision))
    return artifact.files[artifact.path]


def native_way(
    data: bytes, crop: U8, threads: int = 1, variant: str | None = None
) -> tuple[Way, NativeModel]:
    """edgedf's engine, from the crop's bytes to the logit."""
    model = NativeModel(data, variant=variant, threads=threads)
    crops = crop[None]
    return lambda: float(model.run(crops)[0]), model


def litert_way(module: GraphModule, work: Work, crop: U8) -> Way:
    """LiteRT on one thread; making floats of the crop's bytes is not counted."""
    from ai_edge_litert.interpreter import Interpreter

    artifact = convert("tflite", module, Contract(size=work.size), Options())
    with contextlib.redirect_stderr(io.StringIO()):
        interpreter = Interpreter(model_content=artifact.files[artifact.path], num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crop[None].astype(np.float32))
    output = interpreter.get_output_details()[0]["index"]

    def run() -> object:
        interpreter.invoke()
        return float(interpreter.get_tensor(output).ravel()[0])

    return run


def executorch_way(module: GraphModule, work: Work, crop: U8) -> Way:
    """ExecuTorch with XNNPACK on one thread; making a float tensor of the crop's bytes is not counted."""
    import torch
    from executorch.extension.pybindings import portable_lib

    artifact = convert("executorch", module, Contract(size=work.size), Options())
    portable_lib._unsafe_reset_threadpool(1)
    data = artifact.files[artifact.path]
    program = portable_lib._load_for_executorch_from_buffer(data)
    picture = torch.from_numpy(crop).permute(2, 0, 1)[None].float().contiguous()

    def run() -> object:
        # `data` must live as long as the program that reads from it.
        return float(program.forward((picture,))[0]) if data else None

    return run
