"""The native target: edgedf's own sparse engine. Needs numpy and the compiled core, nothing else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError
from edgedf.native.engine import NativeModel
from edgedf.native.model_header import read_header
from edgedf.runtime.artifact_check import read_artifact
from edgedf.runtime.backend import F32, U8
from edgedf.runtime.carried import Carried, carried_numbers


class NativeBackend:
    """Runs a `.edgedfm` file of a bundle, see `edgedf.runtime.backend.Backend`.

    Args:
        folder: the bundle.
        entry: its native artifact.
        threads: 1..64.
    Raises BundleError if the file is damaged or takes other crops than the manifest says,
    NotRunError if the compiled core is missing.
    """

    name = "native"

    def __init__(self, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        path = folder / entry.path
        data = read_artifact(folder, entry)
        self.model = NativeModel(data, file=path, threads=threads)
        self._path, self._data, self._metadata = path, data, read_header(data).metadata
        shape, side = entry.input.shape, self.model.size
        if shape != (1, side, side, 3):
            self.model.close()
            problem = f"takes (1, {side}, {side}, 3), the manifest says {shape}"
            raise BundleError(problem, file=path, field=entry.input.name, hint="build the bundle again")
        self.runtime = f"edgedf sparse engine ({self.model.variant})"

    def run(self, crops_nhwc: U8) -> F32:
        """Logits (N,) float32 of crops (N, S, S, 3) uint8 RGB. Raises BundleError on another shape."""
        return self.model.run(crops_nhwc)

    def run_unrounded(self, crops_nhwc: U8) -> F32:
        """`run`, all layers in float32: see `edgedf.runtime.backend.RoundsActivations`."""
        with closing(NativeModel(self._data, file=self._path, int8=False)) as model:
            return model.run(crops_nhwc)

    def carried_contract(self) -> Carried:
        """What `edgedf-run` and the C API go by: see `edgedf.runtime.backend.CarriesContract`."""
        carried = self.model.needs.contract
        # Not the logit threshold: libraries round logarithms differently; the engine checks that number.
        numbers = ("box_scale", "threshold", "temperature")
        found = {"size": carried.size} | {name: getattr(carried, name) for name in numbers}
        return carried_numbers(found, self._metadata, self._path)

    def close(self) -> None:
        """Free the model. Calling it twice is safe."""
        self.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
