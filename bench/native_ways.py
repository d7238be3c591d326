"""The ways to run a network for timing: edgedf's engine, LiteRT, ExecuTorch."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from converters import Options, convert
from edgedf.assembly.sweep import Work
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel

U8 = npt.NDArray[np.uint8]
Way = Callable[[], object]


def native_file(module: GraphModule, work: Work, precision: str = "float32") -> bytes:
    """The module as a native model file."""
    artifact = convert("native", module, Contract(size=work.size), Options(precision=precision))
    return artifact.files[artifact.path]


def native_way(
    data: bytes, crop: U8, threads: int = 1, variant: str | None = None, int8: bool = True
) -> tuple[Way, NativeModel]:
    """edgedf's engine, from the crop's bytes to the logit."""
    model = NativeModel(data, variant=variant, threads=threads, int8=int8)
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
