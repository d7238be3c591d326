"""The packages that edgedf uses: what each is for, and how to get one that is missing."""

from __future__ import annotations

from dataclasses import dataclass
from traceback import walk_tb

from edgedf.errors import NotRunError
from edgedf.runtime.libraries import broken


@dataclass(frozen=True, slots=True)
class Package:
    """One package.

    Attributes:
        module: import name of the part that is used; importing it shows whether it loads here.
        distributions: what package indexes call it, and other names under which it may be installed.
        enables: what it is good for.
        extra: extra of edgedf that brings it, "" for what edgedf never goes without.
        heavy: loading it takes many seconds, and only training and building need it.
    """

    module: str
    distributions: tuple[str, ...]
    enables: str
    extra: str = ""
    heavy: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.distributions[0]

    @property
    def top(self) -> str:
        """The import name of the whole package."""
        return self.module.partition(".")[0]

    @property
    def remedy(self) -> str:
        """How to get it."""
        return f"pip install 'edgedf[{self.extra}]'" if self.extra else f"pip install {self.name}"


PACKAGES = (
    Package("numpy", ("numpy",), "everything"),
    Package("rich.table", ("rich",), "tables, progress bars"),
    Package("PIL.Image", ("pillow",), "picture files", "pictures"),
    Package("cv2", ("opencv-python-headless", "opencv-python"), "finding faces", "pictures"),
    Package("av", ("av",), "videos", "video"),
    Package("torch", ("torch",), "training, building", "train"),
    Package("torchvision", ("torchvision",), "ResNet-18", "train", heavy=True),
    Package("safetensors", ("safetensors",), "tickets", "train"),
    Package("sklearn.linear_model", ("scikit-learn",), "data probe", "train", heavy=True),
    Package("scipy.special", ("scipy",), "comparing seeds: train, report", "train"),
    Package("executorch", ("executorch",), "building and running executorch", "executorch", heavy=True),
    Package("coremltools", ("coremltools",), "running coreml on a Mac", "convert", heavy=True),
    Package("onnx2tf", ("onnx2tf",), "building tflite", "convert", heavy=True),
    Package("ai_edge_litert.interpreter", ("ai-edge-litert",), "running tflite", "litert"),
)


def not_loaded(error: ImportError) -> NotRunError:
    """What to tell a user for whom a library could not be imported: its name and how to get it."""
    package = _concerned(error)
    if package is None:
        reason = str(error).splitlines()[0][:200] if str(error) else error.name
        return NotRunError(f"a library cannot be loaded ({reason})", hint="`edgedf doctor` says which")
    if isinstance(error, ModuleNotFoundError) and error.name == package.top:
        return NotRunError(f"this needs {package.name}, which is not installed", hint=package.remedy)
    hint = f"reinstall it, or what it misses: {package.remedy}"
    return NotRunError(f"this needs {package.name}, which {broken(error)}", hint=hint)


def _concerned(error: ImportError) -> Package | None:
    """The package that could not be imported, or the one that misses a part or a library of its own."""
    frames = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    packages = {package.top: package for package in PACKAGES}
    tops = [name.partition(".")[0] for name in (error.name or "", *reversed(frames))]
    return next((packages[top] for top in tops if top in packages), None)
