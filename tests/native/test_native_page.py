"""The C sample of docs/native.md: it compiles without a warning and gives the verdicts that Python gives."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest
from model_graphs import random_graph

from converters.native_format.file import model_file
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "edgedf" / "native"
COMPILER = shutil.which("gcc") or shutil.which("cc")
MAIN = """
#include <stdio.h>

int main(int argc, char **argv) {
  static uint8_t file[1 << 20], crop[1 << 20];
  FILE *stream = argc == 3 ? fopen(argv[1], "rb") : NULL, *pixels = argc == 3 ? fopen(argv[2], "rb") : NULL;
  if (stream == NULL || pixels == NULL) return 2;
  size_t bytes = fread(file, 1, sizeof file, stream);
  if (fread(crop, 1, sizeof crop, pixels) == 0) return 2;
  printf("%d\\n", verdict(file, bytes, crop));
  return 0;
}
"""


def _sample() -> str:
    """The page's first indented block."""
    page = (ROOT / "docs" / "native.md").read_text(encoding="utf-8")
    block: list[str] = []
    for line in page.splitlines():
        if line.startswith("    "):
            block.append(line)
        elif block:
            break
    return textwrap.dedent("\n".join(block)) + "\n"


@pytest.mark.skipif(COMPILER is None, reason="NOT RUN: needs a C compiler")
def test_sample_gives_the_verdict_and_refuses_damaged_files(tmp_path: Path) -> None:
    source, program = tmp_path / "sample.c", tmp_path / "sample"
    declared = "int verdict(const uint8_t *, size_t, const uint8_t *);\n"
    headers = '#include <stdlib.h>\n#include "edgedf/model.h"\n'
    source.write_text(headers + declared + _sample() + MAIN)
    flags = ["-std=c99", "-O1", "-ffp-contract=off", f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    sources = [*NATIVE.glob("src/model*.c"), *NATIVE.glob("src/engine/*.c")]
    strict = ["-Wall", "-Wextra", "-Werror", "-c", str(source), "-o", str(tmp_path / "sample.o")]
    subprocess.run([str(COMPILER), *flags, *strict], check=True)
    objects = [str(tmp_path / "sample.o"), *map(str, sources)]
    subprocess.run([str(COMPILER), *flags, *objects, "-pthread", "-o", str(program)], check=True)
    seen = set()
    for seed in range(12):
        graph = random_graph(seed)
        size = graph.input_chw[1]
        crop = np.random.default_rng(seed).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
        data = model_file(graph, Contract(size=size), "float32", {})
        wanted = int(float(NativeModel(data).run(crop)[0]) >= 0.0)
        (tmp_path / "crop").write_bytes(crop.tobytes())
        for name, content, expected in (("whole", data, wanted), ("cut", data[:-1], -1)):
            (tmp_path / name).write_bytes(content)
            command = [str(program), str(tmp_path / name), str(tmp_path / "crop")]
            assert int(subprocess.run(command, check=True, capture_output=True).stdout) == expected
        seen.add(wanted)
    assert seen == {0, 1}
