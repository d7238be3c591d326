"""The sparse engine from Python: open a model file in memory, run crops, list the steps. Needs numpy only."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgedf.errors import BundleError, NotRunError
from edgedf.native.engine_types import CStep, Needs, bind

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_HINTS: Mapping[int, str] = MappingProxyType(
    {
        2: "build it with `edgedf build --target native`",
        3: "use the edgedf that wrote it",
        4: "copy the file again, it is not whole",
        5: "copy the file again, its bytes changed",
        6: "build it again",
        7: "build it again",
        8: "the limits are in edgedf/native/include/edgedf/model.h",
        10: "the weights overflow float32; train or build it again",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fused step of an opened model.

    Attributes:
        layer: name of the layer it starts with, "" for the crop, copies and quantise steps.
        fused: operators done in the same pass, joined by "+".
        kernel: "sparse", "dense", "linear sparse", "linear dense", "crop", "copy", "quantise" or "int8 " and
            the instruction set that multiplies bytes; reason: why this one.
        in_chw, out_chw: shapes.
        weights, nonzero: of the layer; multiplies: those the kernel really does for one crop.
        table_bytes: weights and offsets as the kernel reads them.
        read_bytes, write_bytes: activations in and out, without padding.
    """

    layer: str
    fused: str
    kernel: str
    reason: str
    in_chw: tuple[int, int, int]
    out_chw: tuple[int, int, int]
    weights: int
    nonzero: int
    multiplies: int
    table_bytes: int
    read_bytes: int
    write_bytes: int


class NativeModel:
    """One model file, opened. Not safe to share between threads (it owns one workspace).

    Args:
        data: the bytes of a model file.
        file: its name, for messages.
        variant: "avx512", "avx2", "neon", "portable", or None for the best of this processor.
        threads: 1..64.
        int8: whether the layers of an int8 file for which it pays are computed in 8-bit integers; False
            computes all of them in float32 from the same rounded weights.
    Raises BundleError if the file is damaged or its weights overflow float32, NotRunError if this processor
    has not got the variant.
    """

    def __init__(
        self,
        data: bytes,
        *,
        file: str | Path = "model",
        variant: str | None = None,
        threads: int = 1,
        int8: bool = True,
    ) -> None:
        self._library = bind()
        self._file, self.threads = str(file), max(1, min(64, threads))
        self.variant = self._find_variant(variant, int8)
        wanted = self.variant.encode()
        self.needs = Needs()
        self._check(
            self._library.edgedf_model_measure(data, len(data), wanted, ctypes.byref(self.needs)), self._file
        )
        self._memory = np.empty(self.needs.model_bytes, np.uint8)
        workspace = self._library.edgedf_model_workspace(ctypes.byref(self.needs), self.threads)
        if not workspace:
            problem = f"needs more memory on {self.threads} threads than this system can address"
            raise BundleError(problem, file=self._file, hint="run it on one thread")
        self._workspace = np.empty(workspace, np.uint8)
        self._model = ctypes.c_void_p()
        memory, size = self._memory.ctypes.data, self._memory.size
        self._check(
            self._library.edgedf_model_open(data, len(data), wanted, memory, size, ctypes.byref(self._model)),
            self._file,
        )
        self._pool = self._library.edgedf_pool_start(self.threads) if self.threads > 1 else None
        if self._pool is None:
            self.threads = 1
        executor = None if self._pool is None else self._library.edgedf_pool_executor(self._pool)
        # Made once: numpy's .ctypes and attribute look-ups cost microseconds, as much as a small layer.
        self._side, self._logit = self.size, ctypes.c_float()
        self._run = self._library.edgedf_model_run
        logit = ctypes.addressof(self._logit)
        self._rest = (self._workspace.ctypes.data, self._workspace.size, self.threads, executor, logit)

    def _find_variant(self, wanted: str | None, int8: bool) -> str:
        name: bytes | None = self._library.edgedf_model_variant(None if wanted is None else wanted.encode())
        if name is not None and not int8:
            name = self._library.edgedf_model_variant(name.removesuffix(b"+float32") + b"+float32")
        if name is None:
            problem = f"this processor or build has no {wanted} kernels"
            raise NotRunError(problem, hint="leave the variant out")
        return name.decode()

    @property
    def size(self) -> int:
        """Side of the crop in pixels."""
        return int(self.needs.contract.size)

    def run(self, crops_nhwc: U8) -> F32:
        """Logits (N,) float32, all finite, of crops (N, S, S, 3) uint8 RGB, S = `size`.

        Raises BundleError on another shape, and if numbers leave float32's range: there is no verdict then.
        """
        if self._model.value is None:
            raise BundleError("the model is closed", file=self._file)
        side = self._side
        if crops_nhwc.shape[1:] != (side, side, 3) or crops_nhwc.dtype != np.uint8:
            problem = f"takes uint8 (N, {side}, {side}, 3), got {crops_nhwc.dtype} {crops_nhwc.shape}"
            raise BundleError(problem, file=self._file)
        crops = np.ascontiguousarray(crops_nhwc)
        logits = np.empty(len(crops), np.float32)
        crop = crops.ctypes.data
        for index in range(len(crops)):
            status = self._run(self._model, crop, 0, *self._rest)
            if status:
                self._check(status, self._file)
            logits[index] = self._logit.value
            crop += side * side * 3
        return logits

    def steps(self) -> Sequence[Step]:
        """What a run does, in order."""
        return tuple(self._step(index) for index in range(self.needs.steps))

    def close(self) -> None:
        """Free the memory. Calling it twice is safe."""
        if self._pool is not None:
            self._library.edgedf_pool_stop(self._pool)
        self._pool, self._model = None, ctypes.c_void_p()
        self._memory = self._workspace = np.empty(0, np.uint8)

    def _step(self, index: int) -> Step:
        raw = CStep()
        self._check(
            self._library.edgedf_model_get_step(self._model, index, ctypes.byref(raw)), f"step {index}"
        )
        return Step(
            layer=raw.layer.decode(),
            fused=raw.fused.decode(),
            kernel=raw.kernel.decode(),
            reason=raw.reason.decode(),
            in_chw=(raw.in_chw[0], raw.in_chw[1], raw.in_chw[2]),
            out_chw=(raw.out_chw[0], raw.out_chw[1], raw.out_chw[2]),
            **{name: getattr(raw, name) for name in ("weights", "nonzero", "multiplies", "table_bytes")},
            **{name: getattr(raw, name) for name in ("read_bytes", "write_bytes")},
        )

    def _check(self, status: int, file: str) -> None:
        if status != 0:
            text = self._library.edgedf_model_status_text(status).decode()
            raise BundleError(text, file=file, hint=_HINTS.get(status))


def why_refused(data: bytes) -> str | None:
    """Why the engine refuses a model file before it reads a weight, or None if it does not.

    Asks for every kind of kernels that this processor has: how much work a run is depends on them a little.
    """
    library, needs = bind(), Needs()
    names = (
        name + tail for name in (b"avx512", b"avx2", b"neon", b"portable") for tail in (b"", b"+float32")
    )
    for variant in filter(library.edgedf_model_variant, names):
        status = library.edgedf_model_measure(data, len(data), variant, ctypes.byref(needs))
        if status:
            text: str = library.edgedf_model_status_text(status).decode()
            return text
    return None


def encode_weights(tensors: Sequence[tuple[U8, U8]]) -> bytes:
    """The CODE section of a model file.

    Args:
        tensors: per weighted layer, in file order, (present, high): uint8 of equal length, present 0/1,
            high the top byte of each stored weight (any value where present is 0).
    """
    library = bind()
    coder = np.zeros(library.edgedf_model_coder_bytes(), np.uint8)
    # A coded bit costs at most 11 bits (probabilities stay above 1/2048), a weight has at most nine.
    capacity = 16 + sum(16 * len(present) for present, _ in tensors)
    output = np.empty(capacity, np.uint8)
    written = ctypes.c_size_t()
    at = coder.ctypes.data
    statuses = [library.edgedf_model_coder_begin(at, output.ctypes.data, capacity)]
    for present, high in tensors:
        kept = np.ascontiguousarray(present, np.uint8)
        top = np.ascontiguousarray(high, np.uint8)
        statuses.append(library.edgedf_model_coder_tensor(at, kept.ctypes.data, top.ctypes.data, kept.size))
    statuses.append(library.edgedf_model_coder_end(at, ctypes.byref(written)))
    assert not any(statuses), "the coder's buffer is always large enough"
    return output[: written.value].tobytes()
