"""Every external symbol of the engine begins with edgedf_, so that it can be linked into any app."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "edgedf" / "native"
COMPILER, NM = shutil.which("cc") or shutil.which("gcc"), shutil.which("nm")


@pytest.mark.skipif(not (COMPILER and NM), reason="NOT RUN: needs a C compiler and nm")
def test_engine_symbols_begin_with_edgedf(tmp_path: Path) -> None:
    sources = [*NATIVE.glob("src/engine/*.c"), *NATIVE.glob("src/model*.c")]
    assert len({source.name for source in sources}) == len(sources) > 15
    flags = ["-std=c99", "-O0", "-c", f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    subprocess.run([str(COMPILER), *flags, *map(str, sources)], check=True, cwd=tmp_path)
    listing = subprocess.run(
        [str(NM), "-g", *map(str, tmp_path.glob("*.o"))], check=True, capture_output=True, text=True
    ).stdout
    # "address type name"; U is a symbol of someone else, such as memcpy.
    defined = [line.split()[-1] for line in listing.splitlines() if len(line.split()) == 3]
    assert "edgedf_model_run" in defined
    assert [name for name in defined if not name.lstrip("_").startswith("edgedf_")] == []
