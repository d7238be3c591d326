"""Libraries that are installed but do not load, or load but have no metadata, as in a frozen app."""

from __future__ import annotations

import importlib.machinery
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from edgedf import Detector
from edgedf.cli.main import main
from edgedf.crop import Box
from edgedf.errors import NotRunError
from edgedf.runtime import choice
from edgedf.runtime.draw import draw_verdicts
from edgedf.runtime.finders import HaarFinder
from edgedf.runtime.images import load_picture
from edgedf.runtime.trial import try_in_child
from edgedf.runtime.video import read_frames
from tests.detector_bundle import write_sample

REASON = "libGL.so.1: cannot open shared object file: No such file or directory"
BOX = Box(20.0, 30.0, 60.0, 70.0)


class Breaker:
    """Finds a package and fails to load it."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None):
        return ModuleSpec(name, self, is_package=True) if name == self.package else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        raise ImportError(REASON)


def break_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Breaker(package), *sys.meta_path])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("broken") / "sample.edgedf", ("tflite", "native"))


@pytest.mark.parametrize(
    ("package", "name", "use"),
    [
        ("cv2", "OpenCV", lambda _: HaarFinder()),
        ("av", "PyAV", lambda path: next(read_frames(path))),
        ("PIL", "Pillow", load_picture),
        ("PIL", "Pillow", lambda _: draw_verdicts(np.zeros((9, 9, 3), np.uint8), ())),
    ],
)
def test_a_library_that_does_not_load_is_not_run_and_says_why(
    package: str, name: str, use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    break_package(monkeypatch, package)
    with pytest.raises(NotRunError, match=f"needs {name}, which is installed but cannot be loaded") as caught:
        use(tmp_path / "a.png")
    assert REASON in str(caught.value)
    assert "pip install 'edgedf[" in (caught.value.hint or "")


@pytest.mark.slow
def test_a_runtime_that_does_not_load_makes_way_for_the_next_target(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "PREFERENCE", ("tflite", "native"))
    with Detector.open(bundle) as detector:
        assert detector.target == "tflite"
    break_package(monkeypatch, "ai_edge_litert")
    with Detector.open(bundle) as detector:
        assert detector.target == "native"
    with pytest.raises(NotRunError, match="LiteRT is installed but cannot be loaded"):
        Detector.open(bundle, "tflite")


@pytest.mark.slow
def test_a_runtime_without_metadata_runs(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_distributions", lambda *_: iter(()))
    with Detector.open(bundle, "tflite") as detector:
        assert detector.runtime.startswith("LiteRT ")
        assert detector.detect(np.zeros((140, 120, 3), np.uint8), boxes=[BOX])


def test_a_frozen_app_is_not_started_again_to_try_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(NotRunError, match="no interpreter to try the file in"):
        try_in_child("json", b"", [], runtime="ExecuTorch", path=Path("a.pte"), meanwhile=lambda: None)


def test_doctor_says_what_does_not_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_package(monkeypatch, "cv2")
    break_package(monkeypatch, "ai_edge_litert")
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "--json"])
    assert stopped.value.code == 0
    findings = {item["name"]: item for item in json.loads(capsys.readouterr().out)["findings"]}
    for name in ("opencv-python-headless", "ai-edge-litert", "tflite"):
        assert not findings[name]["usable"], name
        assert REASON in findings[name]["detail"]
        assert findings[name]["remedy"].startswith(("pip install", "install edgedf"))
    assert findings["pillow"]["usable"]
    assert findings["native"]["usable"]


def test_a_broken_library_of_any_verb_is_not_called_our_bug(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (90, 90)).save(tmp_path / "a.png")
    break_package(monkeypatch, "cv2")
    for name in [name for name in sys.modules if name.startswith("edgedf.data.")]:
        monkeypatch.delitem(sys.modules, name)
    for arguments in (
        ["detect", str(tmp_path / "a.png"), "--bundle", str(bundle)],
        ["data", "synth", str(tmp_path / "faces")],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 3
        err = capsys.readouterr().err
        assert REASON in err
        assert "a bug in edgedf" not in err
