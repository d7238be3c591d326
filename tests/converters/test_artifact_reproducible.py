"""Converting is pure: same bytes in another process and folder, no output, no litter, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from converters import PRECISIONS, TARGETS, Options, convert
from converters.quiet import quiet
from edgedf.contract import Contract
from edgedf.errors import ConvertError, NotRunError
from edgedf.files import sha256_bytes
from tests.artifact_files import artifact, sample

ROOT = Path(__file__).parents[2]
THIRD_PARTY = ("executorch", "coreml", "tflite")
# A child process whose sockets refuse to connect; it prints one JSON line of hashes.
SCRIPT = """
import json, socket, sys
def refuse(*_): raise OSError("no network in this test")
socket.socket.connect = refuse
from edgedf.files import sha256_bytes
from tests.artifact_files import artifact
hashes = {t: {n: sha256_bytes(d) for n, d in artifact(t, "mesonet", 128).files.items()} for t in sys.argv[1:]}
print(json.dumps(hashes))
"""


@pytest.mark.slow
def test_same_bytes_elsewhere_and_nothing_else(tmp_path: Path) -> None:
    here, temporary = tmp_path / "elsewhere", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    environment = dict(os.environ) | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "12345",
        "TMPDIR": str(temporary),
    }
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT, *THIRD_PARTY],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    lines = child.stdout.splitlines()
    assert len(lines) == 1
    expected = {
        target: {name: sha256_bytes(data) for name, data in artifact(target, "mesonet", 128).files.items()}
        for target in THIRD_PARTY
    }
    assert json.loads(lines[0]) == expected
    assert list(here.iterdir()) == []
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor")] == []


@pytest.mark.parametrize("target", THIRD_PARTY)
def test_no_path_of_this_machine_inside(target: str) -> None:
    for data in artifact(target, "mesonet", 128).files.values():
        assert str(ROOT).encode() not in data
        assert str(Path.home()).encode() not in data


def test_metadata_travels_inside() -> None:
    made = artifact("tflite", "mesonet", 128)
    data = made.files[made.path]
    assert b"ab" * 32 in data
    # With this mark a phone may compute a float32 model in float16 without telling.
    assert b"reduced_precision_support" not in data
    made = artifact("executorch", "mesonet", 128)
    assert b"ab" * 32 in made.files[made.path]


@pytest.mark.parametrize(
    ("target", "precision", "size", "field"),
    [
        ("onnx", "float32", 128, "target"),
        ("executorch", "float16", 128, "precision"),
        ("coreml", "int8", 128, "precision"),
        ("tflite", "double", 128, "precision"),
        ("coreml", "float32", 256, "contract.size"),
    ],
)
def test_bad_requests_are_named(target: str, precision: str, size: int, field: str) -> None:
    _, compacted = sample("mesonet", 128)
    with pytest.raises(ConvertError, match=field):
        convert(target, compacted.module, Contract(size=size), Options(precision=precision))


def test_every_target_has_a_default_precision() -> None:
    assert set(PRECISIONS) == set(TARGETS)
    assert all(offered[0] == "float32" for offered in PRECISIONS.values())


def test_quiet_hides_every_way_to_print(capfd: pytest.CaptureFixture[str]) -> None:
    import logging
    import warnings

    with quiet("a test"):
        print("python")
        sys.stderr.write("python")
        os.write(1, b"descriptor 1")
        os.write(2, b"descriptor 2")
        warnings.warn("a warning", stacklevel=1)
        logging.getLogger("somebody").error("a record")
    assert capfd.readouterr() == ("", "")
    print("afterwards")
    assert capfd.readouterr() == ("afterwards\n", "")


def test_quiet_turns_failures_into_ours() -> None:
    with pytest.raises(ConvertError, match="a test failed: ValueError: the reason"), quiet("a test"):
        raise ValueError("the reason\nand a page of details")
    with pytest.raises(NotRunError, match="a test needs missing_package"), quiet("a test"):
        __import__("missing_package.part")
