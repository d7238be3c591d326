"""TFLite artifacts, run by LiteRT (or its predecessor tflite-runtime) on this machine's CPU."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.artifact_check import check_entry, check_flatbuffer, check_tensor, read_artifact
from edgedf.runtime.backend import F32, U8
from edgedf.runtime.carried import Carried, carried_document, tflite_document
from edgedf.runtime.host_quiet import quiet_output
from edgedf.runtime.libraries import broken, is_missing, known_version
from edgedf.runtime.session import Session, out_of_memory
from edgedf.runtime.trial import try_in_child

FILE_IDENTIFIER = b"TFL3"
# What the binding raises for a file that it does not like: its own refusals, and names that are not UTF-8
# (ValueError) or numbers that lead nowhere while it lists the tensors.
REFUSALS = (ValueError, RuntimeError, LookupError, ArithmeticError, MemoryError, TypeError)
# Module with `Interpreter`, distribution, name for people; the first that is installed runs.
_RUNTIMES = (
    ("ai_edge_litert.interpreter", "ai-edge-litert", "LiteRT"),
    ("tflite_runtime.interpreter", "tflite-runtime", "TFLite"),
)
# Some seconds on a small board for the largest network; LiteRT needs no PyTorch.
_TRIAL_SECONDS = 60.0


class TfliteBackend(Session):
    """Runs one .tflite.

    Args:
        folder: the opened bundle.
        entry: its manifest entry.
        threads: CPU threads, >= 1.
    Raises BundleError if the file is damaged or its tensors are not what the manifest says, NotRunError if
    no runtime is installed.
    """

    name = "tflite"

    def __init__(self, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        super().__init__(folder / entry.path, entry)
        check_entry(entry, "NHWC", self.path)
        # Kept: the runtime reads the weights from this memory for as long as it runs.
        data = self._data = read_artifact(folder, entry)
        check_flatbuffer(data, FILE_IDENTIFIER, self.path)
        module, self.runtime = load_runtime()
        try:
            with quiet_output():
                interpreter = _load(module, data, threads)
            (self._input, self._output) = self._tensors(interpreter)
        except MemoryError as error:
            raise out_of_memory(self.path) from error
        except REFUSALS as error:
            raise BundleError("LiteRT refuses this file", file=self.path, hint="build it again") from error
        self._interpreter: Any = interpreter

    @classmethod
    def try_first(cls, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        """See `edgedf.runtime.backend.TriesFirst`. The child imports LiteRT while this process does."""
        path = folder / entry.path
        check_entry(entry, "NHWC", path)
        data = read_artifact(folder, entry)
        check_flatbuffer(data, FILE_IDENTIFIER, path)
        try_in_child(
            "edgedf.runtime.tflite_trial",
            data,
            (str(entry.input.shape[1]), str(threads)),
            runtime="LiteRT",
            path=path,
            meanwhile=load_runtime,
            seconds=_TRIAL_SECONDS,
        )

    def _tensors(self, interpreter: Any) -> tuple[int, int]:
        """Numbers of the input and output tensor, checked: names, then shapes, then types."""
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            problem = f"has {len(inputs)} inputs and {len(outputs)} outputs, expected 1 and 1"
            raise BundleError(problem, file=self.path)
        for found, spec in ((inputs[0], self.entry.input), (outputs[0], self.entry.output)):
            shape = tuple(int(side) for side in found["shape"])
            check_tensor(spec, found["name"], shape, np.dtype(found["dtype"]).name, self.path)
        return int(inputs[0]["index"]), int(outputs[0]["index"])

    def _logit(self, crop_hwc: U8) -> F32:
        self._interpreter.set_tensor(self._input, crop_hwc[None].astype(np.float32))
        self._interpreter.invoke()
        logit: F32 = self._interpreter.get_tensor(self._output)
        return logit

    def carried_contract(self) -> Carried:
        """See `edgedf.runtime.backend.CarriesContract`."""
        return carried_document(tflite_document(self._data, self.path), self.path)

    def close(self) -> None:
        self._interpreter, self._data = None, b""
        super().close()


def first_use(data: bytes, side: int, threads: int) -> None:
    """Load a file, list its tensors and run it, as the backend does; for a trial in a process of its own.

    Raises one of REFUSALS if LiteRT refuses it.
    """
    interpreter = _load(load_runtime()[0], data, threads)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) == len(outputs) == 1:
        interpreter.set_tensor(inputs[0]["index"], np.zeros((1, side, side, 3), np.float32))
        interpreter.invoke()
        interpreter.get_tensor(outputs[0]["index"])


def _load(module: Any, data: bytes, threads: int) -> Any:
    interpreter = module.Interpreter(model_content=data, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def load_runtime() -> tuple[Any, str]:
    """The module that holds Interpreter, and its name and version.

    Raises NotRunError if none is installed, or what is installed cannot be loaded.
    """
    problem, cause = "no TFLite runtime is installed", None
    for module, distribution, label in _RUNTIMES:
        try:
            return import_module(module), f"{label} {known_version(distribution, module)}"
        except Exception as error:  # what a broken library raises at import has no list
            if not is_missing(module, error):
                problem, cause = f"{label} {broken(error)}", error
    hint = "install edgedf with its `litert` extra: pip install 'edgedf[litert]'"
    raise NotRunError(problem, hint=hint) from cause
