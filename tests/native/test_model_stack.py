"""How much stack the engine takes: threads of phones and of musl have little."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "edgedf" / "native"
COMPILER = shutil.which("gcc") or shutil.which("cc")


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="NOT RUN: needs a C compiler")
def test_stack_is_what_the_native_page_says(tmp_path: Path) -> None:
    sources = [NATIVE / "tests/model_stack.c", *NATIVE.glob("src/model*.c"), *NATIVE.glob("src/engine/*.c")]
    program = tmp_path / "model_stack"
    flags = ["-std=c99", "-O1", "-ffp-contract=off", f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    command = [str(COMPILER), *flags, *map(str, sources), "-pthread", "-o", str(program)]
    subprocess.run(command, check=True)
    for model in sorted((NATIVE / "fuzz/corpus/model").glob("*-int8"))[:4]:
        out = subprocess.run([program, model], check=True, capture_output=True, text=True).stdout
        measure, open_and_run = map(int, out.split())
        print(f"{model.name}: measure {measure:,} bytes, open and run {open_and_run:,}")
        assert measure <= 120_000
        assert open_and_run <= 8_000
