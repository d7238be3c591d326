"""Packages that are not installed: what a verb misses, how to get it, and a doctor that still runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edgedf.analysis.packages import PACKAGES, Package
from tests.detector_bundle import write_sample

# The command where some packages are nowhere on Python's path.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

gone = set(sys.argv.pop(1).split(","))

class Path(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in gone else super().find_spec(name, path, target)

sys.meta_path = [Path if finder is PathFinder else finder for finder in sys.meta_path]
from edgedf.cli.main import main
main()
"""


def without(packages: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, packages, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def doctor(packages: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = without(packages, "doctor", "--json")
    return done.returncode, {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name", "remedy"),
    [
        ("numpy", "numpy", "pip install numpy"),
        ("sklearn", "scikit-learn", "pip install 'edgedf[train]'"),
        ("scipy", "scipy", "pip install 'edgedf[train]'"),
    ],
)
def test_a_verb_names_the_package_that_it_misses_and_its_extra(
    package: str, name: str, remedy: str, tmp_path: Path
) -> None:
    script = {
        "numpy": ("show", write_sample(tmp_path / "sample.edgedf")),
        "sklearn": ("data", "probe", _faces(tmp_path)),
        "scipy": ("data", "probe", _faces(tmp_path)),  # scikit-learn's own need
    }
    done = without(package, *script[package])
    assert done.stderr == f"error: this needs {name}, which is not installed\nhint: {remedy}\n"
    assert done.returncode == 3
    assert done.stdout == ""


def _faces(folder: Path) -> Path:
    from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark

    path = folder / "faces"
    if not path.exists():
        write_benchmark(path, BenchmarkPlan(train=120, validation=4, test=4, seed=1, side=96), jobs=1)
    return path


@pytest.mark.slow
def test_a_package_that_misses_one_of_its_own_is_named(tmp_path: Path) -> None:
    done = without("joblib", "data", "probe", _faces(tmp_path))
    assert "error: this needs scikit-learn, which is installed but cannot be loaded" in done.stderr
    assert "No module named 'joblib'" in done.stderr
    assert "hint: reinstall it, or what it misses: pip install 'edgedf[train]'" in done.stderr


@pytest.mark.slow
def test_doctor_runs_without_numpy_and_says_that_nothing_else_does() -> None:
    code, findings = doctor("numpy")
    assert code == 3
    for name in ("numpy", "executorch", "tflite", "native"):
        assert not findings[name]["usable"], name
        assert findings[name]["remedy"] == "pip install numpy"


def test_doctor_lists_what_is_missing() -> None:
    code, findings = doctor("sklearn,scipy,rich,torch")
    assert code == 0
    for name, remedy in (("scikit-learn", "'edgedf[train]'"), ("scipy", "'edgedf[train]'"), ("rich", "rich")):
        assert not findings[name]["usable"]
        assert findings[name]["detail"] == "not installed"
        assert findings[name]["remedy"] == f"pip install {remedy}"
    assert findings["native"]["usable"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_extra_that_is_named_brings_the_package(package: Package) -> None:
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"] | {"": project["dependencies"]}
    assert any(line.startswith(f"{package.name}>=") for line in extras[package.extra])
