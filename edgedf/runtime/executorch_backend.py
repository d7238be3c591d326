"""ExecuTorch artifacts, run by the ExecuTorch runtime with XNNPACK on this machine's CPU.

Its Python binding is built against libtorch and takes torch tensors, so this one file imports torch, and only
when such an artifact is opened. The rest of edgedf.runtime never does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.artifact_check import check_entry, check_flatbuffer, check_tensor, read_artifact
from edgedf.runtime.backend import F32, U8
from edgedf.runtime.carried import Carried, carried_document
from edgedf.runtime.host_quiet import quiet_output
from edgedf.runtime.libraries import broken, is_missing, known_version
from edgedf.runtime.session import Session
from edgedf.runtime.trial import try_in_child

FILE_IDENTIFIER = b"ET12"
METHOD = "forward"
_BINDING = "executorch.extension.pybindings._portable_lib"
# A method without inputs whose one answer is a text.
METADATA_METHOD = "edgedf_metadata"
# What the binding raises for a file that it does not like: C++ exceptions as pybind11 translates them, and a
# text that is not UTF-8 (ValueError).
REFUSALS = (RuntimeError, ValueError, LookupError, ArithmeticError, MemoryError, TypeError)


class ExecutorchBackend(Session):
    """Runs one .pte.

    Args:
        folder: the opened bundle.
        entry: its manifest entry.
        threads: CPU threads of the runtime's pool, >= 1. The pool belongs to the process.
    Raises BundleError if the file is damaged or its tensors are not what the manifest says, NotRunError if
    ExecuTorch is not installed.
    """

    name = "executorch"

    def __init__(self, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        super().__init__(folder / entry.path, entry)
        check_entry(entry, "NCHW", self.path)
        data = read_artifact(folder, entry)
        check_flatbuffer(data, FILE_IDENTIFIER, self.path)
        check_program_length(data, self.path)
        library, self.runtime = load_runtime()
        try:
            with quiet_output():
                if library._threadpool_get_thread_count() != threads:
                    library._unsafe_reset_threadpool(threads)
                self._program: _Program | None = _Program(library, data)
                self._check(self._program.module)
                # The first run loads the method and the delegate, which print and may refuse the file.
                self._logit(np.zeros((*entry.input.shape[2:], 3), np.uint8))
        except REFUSALS as error:
            raise self._refused() from error

    @classmethod
    def try_first(cls, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        """See `edgedf.runtime.backend.TriesFirst`. The child imports PyTorch while this process does."""
        path = folder / entry.path
        check_entry(entry, "NCHW", path)
        data = read_artifact(folder, entry)
        check_flatbuffer(data, FILE_IDENTIFIER, path)
        check_program_length(data, path)
        arguments = (str(entry.input.shape[2]), str(threads))
        try_in_child(
            "edgedf.runtime.executorch_trial",
            data,
            arguments,
            runtime="ExecuTorch",
            path=path,
            meanwhile=_quiet_library,
        )

    def _check(self, module: Any) -> None:
        if METHOD not in module.method_names():
            raise BundleError(f"has no method {METHOD!r}", file=self.path)
        meta = module.method_meta(METHOD)
        if meta.num_inputs() != 1 or meta.num_outputs() != 1:
            problem = (
                f"takes {meta.num_inputs()} inputs and gives {meta.num_outputs()} outputs, expected 1 and 1"
            )
            raise BundleError(problem, file=self.path)
        pairs = (
            (self.entry.input, meta.input_tensor_meta(0)),
            (self.entry.output, meta.output_tensor_meta(0)),
        )
        for spec, tensor in pairs:
            # 6 is ScalarType::Float, the only type that an edgedf artifact takes.
            dtype = "float32" if tensor.dtype() == 6 else f"scalar type {tensor.dtype()}"
            check_tensor(spec, None, tuple(tensor.sizes()), dtype, self.path)

    def _logit(self, crop_hwc: U8) -> F32:
        import torch

        x_nchw = np.ascontiguousarray(crop_hwc.transpose(2, 0, 1)[None], dtype=np.float32)
        assert self._program is not None
        result = self._program.module.run_method(METHOD, (torch.from_numpy(x_nchw),))
        # A copy: the runtime reuses its output's memory in the next run.
        return np.array(result[0].numpy(), dtype=np.float32)

    def carried_contract(self) -> Carried:
        """See `edgedf.runtime.backend.CarriesContract`."""
        assert self._program is not None
        module = self._program.module
        try:
            known = METADATA_METHOD in module.method_names()
            found = list(module.run_method(METADATA_METHOD, ())) if known else []
        except REFUSALS as error:
            raise self._refused() from error
        if len(found) != 1 or not isinstance(found[0], str):
            raise BundleError(
                "carries no contract", file=self.path, field=METADATA_METHOD, hint="build it again"
            )
        return carried_document(found[0], self.path)

    def _refused(self) -> BundleError:
        return BundleError("ExecuTorch refuses this file", file=self.path, hint="build it again")

    def close(self) -> None:
        self._program = None
        super().close()


class _Program:
    """A loaded program together with the bytes that it reads its weights from for as long as it lives.

    The binding does not keep them. Whatever drops this object, `module` goes before `data`.
    """

    def __init__(self, library: Any, data: bytes) -> None:
        self.data = data
        self.module: Any = library._load_for_executorch_from_buffer(data)

    def __del__(self) -> None:
        self.module = None


def first_use(data: bytes, method: str, side: int, threads: int) -> None:
    """Load a program and run one of its methods, as the backend does; for a trial in a process of its own.

    Raises one of REFUSALS if ExecuTorch refuses it.
    """
    import torch

    library = _library()
    if library._threadpool_get_thread_count() != threads:
        library._unsafe_reset_threadpool(threads)
    program = _Program(library, data)
    if method not in program.module.method_names():
        return
    if method == METHOD:
        meta = program.module.method_meta(method)
        for number in range(min(1, meta.num_inputs())):
            tensor = meta.input_tensor_meta(number)
            tensor.sizes(), tensor.dtype()
        for number in range(min(1, meta.num_outputs())):
            tensor = meta.output_tensor_meta(number)
            tensor.sizes(), tensor.dtype()
        program.module.run_method(method, (torch.zeros(1, 3, side, side),))[0].numpy()
    else:
        list(program.module.run_method(method, ()))


def check_program_length(data: bytes, path: Path) -> None:
    """Raises BundleError if the file is shorter than its extended header says.

    Source: ExecuTorch 1.4, extended_header.h: at byte 8 "eh00", uint32 header length, uint64 program size,
    uint64 position of the delegates' data, uint64 its size; all little-endian.
    """
    if len(data) < 40 or data[8:12] != b"eh00":
        raise BundleError("has no ExecuTorch header", file=path, hint="build the bundle again")
    header = int.from_bytes(data[12:16], "little")
    numbers = [int.from_bytes(data[at : at + 8], "little") for at in (16, 24, 32 if header >= 32 else 24)]
    program, segments, size = numbers[0], numbers[1], numbers[2] if header >= 32 else 0
    if program > len(data) or segments > len(data) or segments + size > len(data):
        raise BundleError("is cut short", file=path, hint="build the bundle again")


def load_runtime() -> tuple[Any, str]:
    """The binding, and its name and version. Raises NotRunError if it is missing or cannot be loaded."""
    return _quiet_library(), f"ExecuTorch {known_version('executorch', 'executorch')} (XNNPACK)"


def _quiet_library() -> Any:
    with quiet_output():
        return _library()


def _library() -> Any:
    """The runtime's binding, without the exporter that `executorch.runtime` would import for four seconds."""
    hint = "install edgedf with its `executorch` extra: pip install 'edgedf[executorch]'"
    try:
        import torch  # noqa: F401  the binding links against the libraries that torch loads
        from executorch.extension.pybindings import _portable_lib
    except Exception as error:  # what a broken library raises at import has no list
        if any(is_missing(module, error) for module in ("torch", _BINDING)):
            name = getattr(error, "name", None)
            raise NotRunError(f"no ExecuTorch runtime is installed ({name})", hint=hint) from error
        raise NotRunError(f"ExecuTorch or its PyTorch {broken(error)}", hint=hint) from error
    return _portable_lib
