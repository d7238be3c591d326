"""What every backend shares: checks of crops and logits, one crop at a time, closing twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError, UsageError
from edgedf.runtime.backend import F32, U8


class Session(ABC):
    """An opened artifact. A subclass runs one crop; artifacts have batch 1.

    Attributes:
        name: the target.
        runtime: what really executes, for reports.
        path: the artifact's main file or folder.
        entry: its manifest entry.
    """

    name: str
    runtime: str

    def __init__(self, path: Path, entry: ArtifactEntry) -> None:
        self.path, self.entry = path, entry
        self._open = True

    @abstractmethod
    def _logit(self, crop_hwc: U8) -> F32:
        """The artifact's whole output for one crop (S, S, 3) uint8."""

    def run(self, crops_nhwc: U8) -> F32:
        """Logits (N,) float32 of crops (N, S, S, 3) uint8 RGB.

        Raises UsageError for crops of another form or a closed backend, BundleError if the artifact fails or
        gives anything but one finite number per crop.
        """
        if not self._open:
            raise UsageError("this backend is closed", file=self.path)
        size = max(self.entry.input.shape)
        if crops_nhwc.dtype != np.uint8 or crops_nhwc.shape[1:] != (size, size, 3):
            problem = f"crops are {crops_nhwc.dtype}{crops_nhwc.shape}, expected uint8 (N, {size}, {size}, 3)"
            raise UsageError(problem, file=self.path, field="crops")
        logits = np.empty(len(crops_nhwc), np.float32)
        for index, crop_hwc in enumerate(crops_nhwc):
            logits[index] = self._checked(self._attempt(crop_hwc))
        return logits

    def _attempt(self, crop_hwc: U8) -> F32:
        try:
            return np.asarray(self._logit(crop_hwc))
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{self.runtime} failed while running it", file=self.path) from error
        except MemoryError as error:
            raise out_of_memory(self.path) from error

    def _checked(self, logit: F32) -> np.float32:
        if logit.shape != self.entry.output.shape or logit.dtype != np.float32:
            problem = f"gave {logit.dtype}{logit.shape}, expected float32{self.entry.output.shape}"
            raise BundleError(problem, file=self.path, field=self.entry.output.name)
        value = logit.reshape(-1)[0]
        if not np.isfinite(value):
            hint = "its weights are damaged, or its precision is too low for this network"
            raise BundleError("gave NaN or infinity", file=self.path, field=self.entry.output.name, hint=hint)
        return np.float32(value)

    def close(self) -> None:
        """Free the model. Calling it twice is safe."""
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def out_of_memory(path: Path) -> BundleError:
    """The error for an artifact that this machine has no room for."""
    hint = "close other programs, or use another target of the bundle"
    return BundleError("needs more memory than there is", file=path, hint=hint)
