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

from edgedf.analysis.packages import PACKAGES, Package, not_loaded
from edgedf.errors import NotRunError
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


def examine() -> tuple[Finding, ...]:
    """Look at this machine. Takes a moment where PyTorch is installed, to ask it for a GPU."""
    return (_python(), *map(_package, PACKAGES), *_targets(), _cores(), _cuda())


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


def _package(package: Package) -> Finding:
    found = _has(package.top)
    detail = _version(package.distributions) if found else "not installed"
    usable = found
    if found and not package.heavy:
        try:
            with quiet_output():
                importlib.import_module(package.module)
        except Exception as error:  # whatever keeps it from loading is the finding
            detail, usable = f"{detail}, {broken(error)}", False
    return Finding(
        name=package.name,
        group="package",
        usable=usable,
        detail=detail,
        enables=package.enables,
        remedy="" if usable else package.remedy,
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
    core_ml = on_mac and _has("coremltools") and _has("numpy")
    return (
        _target("executorch", _load_backend),
        _target("tflite", _load_backend),
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
        _target("native", _load_core, enables="crops, native artifacts"),
    )


def _target(name: str, load: Callable[[str], str], *, enables: str = "") -> Finding:
    """The runtime must not only be there but load. `load` gives its name, or raises."""
    usable, remedy = True, ""
    try:
        detail = load(name)
    except NotRunError as error:
        usable, detail, remedy = False, error.problem, error.hint or ""
    except ImportError as error:
        missing = not_loaded(error)
        usable, detail, remedy = False, missing.problem, missing.hint or ""
    return Finding(
        name=name,
        group="target",
        usable=usable,
        detail=detail,
        enables=enables or f"{name} artifacts",
        remedy=remedy,
    )


def _load_backend(name: str) -> str:
    """The name of the runtime behind a target. A backend needs numpy, which may be what is missing."""
    backend = importlib.import_module(f"edgedf.runtime.{name}_backend")
    return str(backend.load_runtime()[1])


def _load_core(_: str) -> str:
    """The C core; without numpy it loads, but has nothing to work on."""
    importlib.import_module("numpy")
    from edgedf.native.library import load_library

    try:
        load_library()
    except Exception as error:  # whatever keeps it from loading is the finding
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        hint = "reinstall edgedf where a C compiler and CMake are at hand"
        raise NotRunError(f"does not load ({reason})", hint=hint) from error
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
