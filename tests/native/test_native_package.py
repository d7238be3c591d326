"""The C core as a CMake package: installed, found by another project, linked and run, with one version."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tomllib
from pathlib import Path

import cmake
import ninja
import pytest

from edgedf.native.library import load_library

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "edgedf" / "native"
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
find_package(edgedf 0.1 REQUIRED)
foreach(library edgedf edgedf_shared)
  add_executable(with_${library} main.c)
  target_link_libraries(with_${library} PRIVATE edgedf::${library})
endforeach()
"""
PROGRAM = """
#include <edgedf/crop.h>
#include <edgedf/model.h>
#include <edgedf/threads.h>
#include <edgedf/version.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  const edgedf_box box = {10, 20, 100, 50};
  edgedf_square square;
  if (edgedf_crop_square(&box, 1.3, &square) != EDGEDF_CROP_OK) return 1;
  if (edgedf_model_variant("portable") == NULL || edgedf_pool_start(1) != NULL) return 2;
  if (strcmp(edgedf_version(), EDGEDF_VERSION) != 0) return 3;
  printf("%s %d %d %d\\n", edgedf_version(), (int)square.left, (int)square.top, (int)square.side);
  return 0;
}
"""


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"NOT RUN: needs {name}")
    return path


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def _cmake(*arguments: str | Path) -> str:
    return _run(Path(cmake.CMAKE_BIN_DIR) / "cmake", *arguments)


def _build(source: Path, folder: Path, *options: str) -> None:
    generator = (
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={Path(ninja.BIN_DIR) / 'ninja'}",
        "-DCMAKE_BUILD_TYPE=Debug",
    )
    _cmake("-S", source, "-B", folder, *generator, *options)
    _cmake("--build", folder)


def test_another_project_finds_links_and_runs_the_core(tmp_path: Path) -> None:
    _tool("cc")
    _build(NATIVE, tmp_path / "core")
    _cmake("--install", tmp_path / "core", "--prefix", tmp_path / "prefix")
    consumer = tmp_path / "consumer"
    consumer.mkdir()
    (consumer / "CMakeLists.txt").write_text(PROJECT)
    (consumer / "main.c").write_text(PROGRAM)
    _build(consumer, tmp_path / "built", f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}")
    for program in ("with_edgedf", "with_edgedf_shared"):
        assert _run(tmp_path / "built" / program) == "0.1.0 -5 -20 130\n"
    assert list((tmp_path / "prefix").rglob("libedgedf.so.0")), "no version in the shared library's name"
    (archive,) = (tmp_path / "prefix").rglob("libedgedf.a")
    lines = _run(_tool("nm"), "-g", "--defined-only", archive).splitlines()
    names = [fields[2] for line in lines if len(fields := line.split()) == 3]
    assert len(names) > 30
    assert [name for name in names if not name.startswith("edgedf_")] == []


def test_library_and_package_have_one_version() -> None:
    library = load_library()
    library.edgedf_version.restype = ctypes.c_char_p
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert library.edgedf_version().decode() == package
