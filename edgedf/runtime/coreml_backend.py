"""Core ML artifacts: Core ML itself on a Mac, the MIL reference everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.artifact_check import check_entry, check_tensor
from edgedf.runtime.backend import F32, U8
from edgedf.runtime.carried import Carried, carried_table
from edgedf.runtime.coreml_package import MODEL_PATH, WEIGHTS_PATH, private_copy, read_package
from edgedf.runtime.host_quiet import quiet_output
from edgedf.runtime.libraries import broken, is_missing, known_version
from edgedf.runtime.mil_reference import (
    DecodeError,
    Evaluator,
    Model,
    ProgramError,
    UnknownOperationError,
    decode_model,
)
from edgedf.runtime.session import Session, out_of_memory

REFERENCE = "MIL reference (not Core ML)"
_REBUILD = "build the bundle again"
# Name -> array, for all inputs and for all outputs.
Predict = Callable[[dict[str, F32]], dict[str, Any]]


class CoremlBackend(Session):
    """Runs one .mlpackage.

    Args:
        folder: the opened bundle.
        entry: its manifest entry.
        threads: taken for the protocol's sake; Core ML chooses its own, the reference uses numpy's.
    Raises BundleError if the package is damaged or its features are not what the manifest says, NotRunError
    if the reference cannot evaluate one of its operations.
    """

    name = "coreml"
    _predict: Predict

    def __init__(self, folder: Path, entry: ArtifactEntry, *, threads: int = 1) -> None:
        super().__init__(folder / entry.path, entry)
        check_entry(entry, "NCHW", self.path)
        files = read_package(folder, entry)
        try:
            model = decode_model(files[MODEL_PATH], files[WEIGHTS_PATH])
            self._check(model)
            self._metadata = model.metadata
            # Built on a Mac too: a program that the reference cannot follow is not edgedf's.
            reference = Evaluator(model)
        except UnknownOperationError as error:
            problem = f"the MIL reference does not know the operation {error}"
            raise NotRunError(problem, file=self.path, hint="check this package on a Mac") from error
        except (DecodeError, ProgramError) as error:
            raise BundleError(f"damaged: {error}", file=self.path, hint=_REBUILD) from error
        except MemoryError as error:
            raise out_of_memory(self.path) from error
        self.runtime, self._predict = REFERENCE, reference.run
        if sys.platform == "darwin" and (core_ml := load_core_ml(files, self.path)) is not None:
            self.runtime = f"Core ML (coremltools {known_version('coremltools', 'coremltools')}, CPU)"
            self._predict = core_ml

    def _check(self, model: Model) -> None:
        for kind, features, spec in (
            ("inputs", model.inputs, self.entry.input),
            ("outputs", model.outputs, self.entry.output),
        ):
            if len(features) != 1:
                raise BundleError(f"has {len(features)} {kind}, expected 1", file=self.path)
            feature = features[0]
            check_tensor(spec, feature.name, feature.type.shape, feature.type.dtype, self.path)

    def carried_contract(self) -> Carried:
        """See `edgedf.runtime.backend.CarriesContract`."""
        return carried_table(self._metadata, self.path)

    def _logit(self, crop_hwc: U8) -> F32:
        x_nchw = np.ascontiguousarray(crop_hwc.transpose(2, 0, 1)[None], dtype=np.float32)
        return np.asarray(self._predict({self.entry.input.name: x_nchw})[self.entry.output.name])


def load_core_ml(files: Mapping[str, bytes], path: Path) -> Predict | None:
    """The package in Core ML, on the CPU for repeatable numbers; None without coremltools.

    It is loaded from a copy: coremltools may write into a package that it opens. Core ML compiles the model
    to a place of its own while it loads, so the copy can go afterwards.

    Args:
        files: what `read_package` returned.
        path: the package in its bundle, for errors.
    Raises BundleError with Core ML's reason if it refuses the package, NotRunError if coremltools cannot be
    loaded, there is no Core ML or it is too old for this package. coremltools 9 turns the last two into a
    warning and a model that cannot predict.
    """
    try:
        with quiet_output():
            coremltools = import_module("coremltools")
    except Exception as error:  # what a broken library raises at import has no list
        if is_missing("coremltools", error):
            return None
        hint = "reinstall it: pip install --force-reinstall coremltools"
        raise NotRunError(f"coremltools {broken(error)}", file=path, hint=hint) from error
    try:
        with private_copy(files, path) as copy, quiet_output():
            model = coremltools.models.MLModel(str(copy), compute_units=coremltools.ComputeUnit.CPU_ONLY)
    except NotRunError:
        raise
    except Exception as error:
        raise _refused(path, "Core ML refuses this package", error) from error
    if model.__proxy__ is None and (reason := model._framework_error) is not None:
        raise _refused(path, "Core ML refuses this package", reason) from reason
    if model.__proxy__ is None:
        hint = "update macOS, and install coremltools as a wheel made for it"
        raise NotRunError("no Core ML here that runs this package", file=path, hint=hint)
    return checked_predict(model, path)


def checked_predict(model: Any, path: Path) -> Predict:
    """`model.predict`, whose errors are of any class, with one: BundleError."""

    def predict(features: dict[str, F32]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = model.predict(features)
        except Exception as error:
            raise _refused(path, "Core ML failed while running it", error) from error
        return answer

    return predict


def _refused(path: Path, problem: str, reason: Exception) -> BundleError:
    return BundleError(f"{problem} ({str(reason)[:300]})", file=path, hint=_REBUILD)
