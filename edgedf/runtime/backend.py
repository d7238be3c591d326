"""Backends: one per target, each runs an artifact on this machine. None of them needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import NotRunError
from edgedf.runtime.carried import Carried

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
# A model this small gains nothing from more, and runtimes start as many as they are told to.
MAX_THREADS = 64


class Backend(Protocol):
    """Runs one artifact. Not safe to share between threads.

    Attributes:
        name: the target, as in the manifest.
        runtime: what really executes, for reports: "ExecuTorch 1.4.1 (XNNPACK)", "MIL reference", ...
    """

    name: str
    runtime: str

    def run(self, crops_nhwc: U8) -> F32:
        """Logits (N,) float32 of crops (N, S, S, 3) uint8 RGB. Raises BundleError if the artifact fails."""
        ...

    def close(self) -> None:
        """Free the model. Calling it twice is safe."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class CarriesContract(Protocol):
    """A backend whose model file holds the contract, for programs that see no manifest; all of ours do."""

    def carried_contract(self) -> Carried:
        """What the file says of its contract and its ticket. Raises BundleError if it says nothing."""
        ...


@runtime_checkable
class RoundsActivations(Protocol):
    """A backend that may round what layers hand on to each other, as int8 arithmetic does."""

    def run_unrounded(self, crops_nhwc: U8) -> F32:
        """`run` with the same weights, all in float32: what tells a wrong weight from rounding."""
        ...


@runtime_checkable
class TriesFirst(Protocol):
    """A backend class whose runtime may take the process down on a hostile file."""

    def try_first(self, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        """Load and run the file once in a child process. Raises BundleError if the runtime crashes on it."""
        ...


# target -> (module, class). A fifth target adds one line here and one file beside this one.
_BACKENDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "executorch": ("edgedf.runtime.executorch_backend", "ExecutorchBackend"),
        "tflite": ("edgedf.runtime.tflite_backend", "TfliteBackend"),
        "coreml": ("edgedf.runtime.coreml_backend", "CoremlBackend"),
        "native": ("edgedf.runtime.native_backend", "NativeBackend"),
    }
)


def open_backend(folder: Path, entry: ArtifactEntry, *, threads: int = 1, foreign: bool = False) -> Backend:
    """The backend for an artifact of the bundle at `folder`, on `threads` threads.

    Args:
        foreign: whether somebody else may have made the file. A runtime that could crash on it is then tried
            in a child process first; artifacts that this process made itself need no trial.
    Raises NotRunError with the remedy if its runtime is not installed or not made for this machine,
    BundleError if the runtime refuses the file.
    """
    module, name = _BACKENDS[entry.target]
    try:
        backend_class = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise NotRunError(f"no runtime for {entry.target} here ({error.name} is missing)") from error
    if foreign and isinstance(backend_class, TriesFirst):
        backend_class.try_first(folder, entry, threads=threads)
    backend: Backend = backend_class(folder, entry, threads=threads)
    return backend
