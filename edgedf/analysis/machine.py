"""What this machine can do: packages, runtimes, devices, and how to get what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from edgedf.errors import NotRunError
from edgedf.runtime import executorch_backend, tflite_backend
from edgedf.runtime.host_quiet import quiet_output
from edgedf.runtime.libraries import broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        group: "package", "target", "tool" or "device".
        usable: whether it works here.
        detail: version or state.
        enables: what it is good for.
        remedy: how to get it, "" if it is here or cannot be had.
    """

    name: str
    group: str
    usable: bool
    detail: str
    enables: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


# import name, distribution, what it is for, extra of edgedf that brings it
_PACKAGES = (
    ("numpy", ("numpy",), "everything", ""),
    ("PIL.Image", ("pillow",), "picture files", "pictures"),
    ("cv2", ("opencv-python-headless", "opencv-python"), "finding faces", "pictures"),
    ("av", ("av",), "videos", "video"),
    ("torch", ("torch",), "training, building", "train"),
    ("torchvision", ("torchvision",), "ResNet-18", "train"),
    ("safetensors", ("safetensors",), "tickets", "train"),
    ("executorch", ("executorch",), "building and running executorch", "executorch"),
    ("coremltools", ("coremltools",), "running coreml on a Mac", "convert"),
    ("onnx2tf", ("onnx2tf",), "building tflite", "convert"),
    ("ai_edge_litert.interpreter", ("ai-edge-litert",), "running tflite", "litert"),
)
# Looked up but not loaded: they take many seconds, and only training and building need them.
_LOOKED_UP = ("torchvision", "executorch", "coremltools", "onnx2tf")


def examine() -> tuple[Finding, ...]:
    """Look at this machine. Takes a moment where PyTorch is installed, to ask it for a GPU."""
    return (_python(), *map(_package, _PACKAGES), *_targets(), _cores(), _cuda())


def can_detect(findings: tuple[Finding, ...]) -> bool:
    """Whether at least one target's artifact can run here."""
    return any(finding.group == "target" and finding.usable for finding in findings)


def _python() -> Finding:
    fine = (3, 12) <= sys.version_info[:2] < (3, 14)
    remedy = "" if fine else "install Python 3.12 or 3.13"
    return Finding(
        name="Python",
        group="package",
        usable=fine,
        detail=platform.python_version(),
        enables="everything",
        remedy=remedy,
    )


def _package(row: tuple[str, tuple[str, ...], str, str]) -> Finding:
    module, distributions, enables, extra = row
    found = _has(module.partition(".")[0])
    detail = _version(distributions) if found else "not installed"
    usable = found
    if found and module not in _LOOKED_UP:
        try:
            with quiet_output():
                importlib.import_module(module)
        except Exception as error:  # whatever keeps it from loading is the finding
            detail, usable = f"{detail}, {broken(error)}", False
    remedy = (
        "" if usable else f"pip install 'edgedf[{extra}]'" if extra else f"pip install {distributions[0]}"
    )
    return Finding(
        name=distributions[0], group="package", usable=usable, detail=detail, enables=enables, remedy=remedy
    )


def _version(distributions: tuple[str, ...]) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "installed, version unknown"


def _targets() -> tuple[Finding, ...]:
    """One finding per target, by what its backend needs."""
    on_mac = sys.platform == "darwin"
    core_ml = on_mac and _has("coremltools")
    return (
        _target("executorch", executorch_backend.load_runtime),
        _target("tflite", tflite_backend.load_runtime),
        Finding(
            name="coreml",
            group="target",
            usable=core_ml,
            detail="Core ML" if core_ml else "only the MIL reference (not Core ML), for parity",
            enables="coreml artifacts",
            remedy=""
            if core_ml
            else "pip install coremltools"
            if on_mac
            else "Core ML itself runs on a Mac or an iPhone",
        ),
        _native(),
    )


def _target(name: str, load_runtime: Callable[[], tuple[Any, str]]) -> Finding:
    """The runtime must not only be there but load."""
    usable, remedy = True, ""
    try:
        detail = load_runtime()[1]
    except NotRunError as error:
        usable, detail, remedy = False, error.problem, error.hint or ""
    return Finding(
        name=name,
        group="target",
        usable=usable,
        detail=detail,
        enables=f"{name} artifacts",
        remedy=remedy,
    )


def _native() -> Finding:
    """The C core must not only be there but load."""
    probe: Callable[[], str] = _native_detail
    try:
        detail, usable, remedy = probe(), True, ""
    except Exception as error:  # whatever keeps it from loading is the finding
        detail = f"does not load ({str(error).splitlines()[0][:100] if str(error) else type(error).__name__})"
        usable, remedy = False, "reinstall edgedf where a C compiler and CMake are at hand"
    return Finding(
        name="native",
        group="target",
        usable=usable,
        detail=detail,
        enables="crops, native artifacts",
        remedy=remedy,
    )


def _native_detail() -> str:
    from edgedf.native.library import load_library

    load_library()
    return "C core loaded"


def _cores() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    detail = f"{count} cores, {platform.machine()}, {platform.system()}"
    return Finding(name="processor", group="device", usable=True, detail=detail, enables="everything")


def _cuda() -> Finding:
    detail = "PyTorch is not installed"
    usable = False
    if _has("torch"):
        try:
            import torch

            usable = torch.cuda.is_available()
            detail = torch.cuda.get_device_name(0) if usable else "no CUDA device"
        except Exception as error:  # whatever keeps it from loading is the finding
            detail = f"PyTorch {broken(error)}"
    remedy = "" if usable else "training works on the processor too, only slower"
    return Finding(
        name="CUDA", group="device", usable=usable, detail=detail, enables="faster training", remedy=remedy
    )


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
