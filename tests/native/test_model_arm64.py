"""The engine on arm64 under qemu: plain C gives the bits of x86-64, NEON the same number within rounding."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_checks import VARIANTS
from model_graphs import random_graph
from test_model_int8 import int8_graph

from converters.native_format.file import model_file
from edgedf.compact.graph import Graph
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel

NATIVE = Path(__file__).parents[2] / "edgedf" / "native"
ARM_COMPILER, HOST_COMPILER = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("gcc")
QEMU = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ARM_COMPILER and QEMU and HOST_COMPILER),
        reason="NOT RUN: needs gcc-aarch64-linux-gnu and qemu-user-static",
    ),
]


def _build(compiler: str | None, program: Path) -> None:
    sources = [
        NATIVE / "tests" / "model_bits.c",
        *NATIVE.glob("src/model*.c"),
        *NATIVE.glob("src/engine/*.c"),
    ]
    # gnu99 contracts a * b + c on arm64 unless told not to; the library is built with the same flag.
    flags = [
        "-std=c99",
        "-O2",
        "-static",
        "-ffp-contract=off",
        f"-I{NATIVE / 'include'}",
        f"-I{NATIVE / 'src'}",
    ]
    subprocess.run([str(compiler), *flags, *map(str, sources), "-o", str(program)], check=True)


def _write(folder: Path, graphs: list[Graph], precision: str) -> list[Path]:
    files = []
    for number, graph in enumerate(graphs):
        files.append(folder / f"{number}.edgedfm")
        files[-1].write_bytes(model_file(graph, Contract(size=graph.input_chw[1]), precision, {}))
    return files


def _answers(command: list[str], files: list[Path]) -> dict[tuple[str, str], tuple[str, float, str]]:
    out = subprocess.run([*command, *map(str, files)], check=True, capture_output=True, text=True).stdout
    fields = [line.split() for line in out.splitlines()]
    return {(name, variant): (bits, float(logit), by) for name, variant, bits, logit, by in fields}


def test_arm64_portable_gives_the_bits_of_x86_and_neon_agrees(tmp_path: Path) -> None:
    files = _write(tmp_path, [random_graph(seed) for seed in range(40)], "float32")
    _build(HOST_COMPILER, tmp_path / "host")
    _build(ARM_COMPILER, tmp_path / "arm")
    host = _answers([str(tmp_path / "host")], files)
    arm = _answers([str(QEMU), str(tmp_path / "arm")], files)
    for path in files:
        name = str(path)
        assert arm[name, "portable"][0] == host[name, "portable"][0], name
        # 1e-3: the random graphs' inner values reach hundreds of times the logit.
        exact = arm[name, "portable"][1]
        assert np.isclose(arm[name, "neon"][1], exact, rtol=1e-3, atol=1e-3), name


@pytest.mark.parametrize(("processor", "by"), [("cortex-a53", "neon"), ("max", "dot")])
def test_arm64_int8_gives_the_bits_of_x86(tmp_path: Path, processor: str, by: str) -> None:
    """cortex-a53 has plain NEON only; an instruction that it lacks would end the program."""
    files = _write(tmp_path, [int8_graph(seed) for seed in range(30)], "int8")
    _build(ARM_COMPILER, tmp_path / "arm")
    arm = _answers([str(QEMU), "-cpu", processor, str(tmp_path / "arm")], files)
    for path in files:
        model = NativeModel(path.read_bytes(), variant=VARIANTS[0])
        size = model.size
        crop = (np.arange(size * size * 3) * 7 % 251).astype(np.uint8).reshape(1, size, size, 3)
        bits = f"{model.run(crop).view(np.uint32)[0]:08x}"
        assert arm[str(path), "neon"] == (bits, pytest.approx(float(model.run(crop)[0])), by), path
        assert arm[str(path), "portable"][0] == bits, path
        model.close()
