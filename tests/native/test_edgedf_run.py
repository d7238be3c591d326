"""edgedf-run as a user has it: built for size, run as a process, its logit the Detector's to the last bit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from engine_checks import VARIANTS
from test_model_int8 import int8_graph

from converters.native_format.file import model_file
from edgedf import Detector
from edgedf.contract import Contract
from edgedf.crop import Box, Frame
from edgedf.native.engine import NativeModel
from edgedf.native.frame import ColorMatrix, PixelFormat
from tests.artifact_files import artifact
from tests.detector_bundle import SIZE, write_sample

ROOT = Path(__file__).resolve().parents[2]
# As `make edgedf-run` builds it, on x86-64 and on arm64.
MAX_BYTES = 100_000
ARM_COMPILER = shutil.which("aarch64-linux-gnu-gcc")
# With the AVX-512 kernels, which the Python package has, too.
FULL_MAX_BYTES = 130_000
WIDTH, HEIGHT, BOX = 61, 47, (12.5, 9.0, 22.0, 25.5)
NAMES = {
    "rgba": PixelFormat.RGBA8888,
    "bgra": PixelFormat.BGRA8888,
    "rgb": PixelFormat.RGB888,
    "gray": PixelFormat.GRAY8,
    "nv21": PixelFormat.NV21,
    "nv12": PixelFormat.NV12,
    "i420": PixelFormat.I420,
}


def _build(folder: Path, *wanted: str) -> Path:
    tools = [shutil.which(name, path=str(Path(sys.executable).parent)) for name in ("cmake", "ninja")]
    if None in tools or not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        pytest.skip("NOT RUN: needs cmake, ninja and a C compiler")
    cmake, ninja = (str(tool) for tool in tools)
    options = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DEDGEDF_PROGRAMS=ON", "-DEDGEDF_STRICT=ON"]
    options += wanted
    source = ["-S", str(ROOT / "edgedf" / "native"), "-B", str(folder)]
    for command in ([cmake, *options, *source], [cmake, "--build", str(folder), "--target", "edgedf-run"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return folder / "edgedf-run"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With every kernel that the Detector has, as the same ones give the same bits."""
    return _build(tmp_path_factory.mktemp("edgedf-run-full"), "-DEDGEDF_RUN_AVX512=ON")


@pytest.fixture(scope="module")
def small_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("edgedf-run"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = artifact("native", "mesonet", SIZE)
    path = tmp_path_factory.mktemp("model") / "mesonet.edgedfm"
    path.write_bytes(made.files[made.path])
    return path


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Detector]:
    with Detector.open(write_sample(tmp_path_factory.mktemp("bundle") / "s.edgedf"), "native") as opened:
        yield opened


def _call(program: Path, *arguments: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, input=data, check=False)


def _planes(name: str, gap: int, rng: np.random.Generator) -> tuple[list[np.ndarray], list[int]]:
    """Random planes (rows, stride) uint8, `gap` bytes between rows, and their strides."""
    chroma = ((HEIGHT + 1) // 2, (WIDTH + 1) // 2)
    sizes = [(HEIGHT, WIDTH * {"rgba": 4, "bgra": 4, "rgb": 3}.get(name, 1))]
    if name in ("nv21", "nv12"):
        sizes += [(chroma[0], 2 * chroma[1])]
    if name == "i420":
        sizes += [chroma, chroma]
    planes = [rng.integers(0, 256, (rows, columns + gap), dtype=np.uint8) for rows, columns in sizes]
    return planes, [plane.shape[1] for plane in planes]


def _verdict(done: subprocess.CompletedProcess[bytes]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _check(verdict: dict[str, object], detector: Detector, frame: Frame) -> None:
    (wanted,) = detector.detect(frame, boxes=[Box(*BOX)])
    assert np.float32(verdict["logit"]) == np.float32(wanted.logit)
    assert verdict["score"] == pytest.approx(wanted.score, abs=1e-6)
    assert verdict["label"] == str(wanted.label)
    assert verdict["threshold"] == detector.contract.threshold


@pytest.mark.parametrize("name", NAMES)
def test_logit_equals_the_detectors(
    name: str, program: Path, model: Path, detector: Detector, tmp_path: Path
) -> None:
    """Every format, with and without gaps, turned, mirrored and in both colour matrices."""
    rng = np.random.default_rng(len(name))
    for turn, (gap, mirrored, matrix) in enumerate(
        [(0, False, "bt601"), (7, True, "bt709"), (3, False, "bt709"), (0, True, "bt601")]
    ):
        planes, strides = _planes(name, gap, rng)
        path = tmp_path / "frame"
        path.write_bytes(b"".join(plane.tobytes() for plane in planes))
        options = ["--rotate", 90 * turn, "--matrix", matrix, *(["--mirror"] if mirrored else [])]
        options += ["--strides", ",".join(map(str, strides))] if gap else []
        frame = Frame(
            planes=tuple(planes),
            format=NAMES[name],
            width=WIDTH,
            height=HEIGHT,
            row_strides=tuple(strides),
            rotation=90 * turn,
            mirrored=mirrored,
            matrix=ColorMatrix[matrix.upper()],
        )
        done = _call(program, model, path, name, WIDTH, HEIGHT, *BOX, *options)
        _check(_verdict(done), detector, frame)


def test_frame_from_standard_input_threads_and_repeats(
    program: Path, model: Path, detector: Detector
) -> None:
    planes, _ = _planes("rgb", 0, np.random.default_rng(1))
    options = ["--threads", 3, "--repeat", 5]
    done = _call(program, model, "-", "rgb", WIDTH, HEIGHT, *BOX, *options, data=planes[0].tobytes())
    frame = Frame(planes=(planes[0],), format=PixelFormat.RGB888, width=WIDTH, height=HEIGHT)
    verdict = _verdict(done)
    _check(verdict, detector, frame)
    assert 0 < float(str(verdict["fastest_ms"])) <= float(str(verdict["median_ms"]))


def test_kernels_are_those_asked_for(program: Path, tmp_path: Path) -> None:
    """Of an int8 file, integers and floats; each with the bits that the engine gives under that name."""
    graph = int8_graph(3)
    path = tmp_path / "int8.edgedfm"
    path.write_bytes(model_file(graph, Contract(size=graph.input_chw[1], box_scale=1.0), "int8", {}))
    side = graph.input_chw[1]
    crop = np.random.default_rng(4).integers(0, 256, (side, side, 3), dtype=np.uint8)
    # A box without a margin, as large as the frame: the crop is the frame.
    box = ("rgb", side, side, 0, 0, side, side)
    logits = set()
    for name in [name + tail for name in VARIANTS for tail in ("", "+float32")]:
        verdict = _verdict(_call(program, path, "-", *box, "--kernels", name, data=crop.tobytes()))
        assert verdict["kernels"] == name
        with closing(NativeModel(path.read_bytes(), variant=name)) as model:
            assert np.float32(verdict["logit"]) == model.run(crop[np.newaxis])[0], name
        logits.add(verdict["logit"])
    assert len(logits) > 1


def test_last_row_may_end_with_its_last_pixel(program: Path, model: Path) -> None:
    """Android's planes end like that."""
    planes, strides = _planes("nv21", 5, np.random.default_rng(2))
    whole = b"".join(plane.tobytes() for plane in planes)
    arguments = (model, "-", "nv21", WIDTH, HEIGHT, *BOX, "--strides", ",".join(map(str, strides)))
    answers = [_verdict(_call(program, *arguments, data=whole[: len(whole) - cut])) for cut in (0, 3, 5)]
    assert answers[0] == answers[1] == answers[2]
    for wrong in (whole[:-6], whole + b"x", b""):
        assert _call(program, *arguments, data=wrong).returncode == 2


GOOD: tuple[object, ...] = ("rgb", WIDTH, HEIGHT, *BOX)


def _with(position: int, value: object) -> tuple[object, ...]:
    return (*GOOD[:position], value, *GOOD[position + 1 :])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "arguments: expected nine"),
        (GOOD[:-1], "arguments: expected nine"),
        ((*GOOD, "5"), "arguments: expected nine"),
        (_with(0, "yuyv"), "FORMAT: 'yuyv' is not one of rgba bgra"),
        (_with(1, "0"), "WIDTH: '0' is not a whole number from 1 to 65536"),
        (_with(1, "12.5"), "WIDTH: '12.5' is not a whole number"),
        (_with(2, "99999999999999999999"), "HEIGHT: '99999999999999999999' is not a whole number"),
        (_with(2, "1e400"), "HEIGHT: '1e400' is not"),
        (_with(3, ""), "X: '' is not a number"),
        (_with(4, "3x"), "Y: '3x' is not a number"),
        (_with(5, "nan"), "box: "),
        (_with(5, "-4"), "BOX_WIDTH: '-4' is not 1 or more, in pixels"),
        (_with(5, "0.99"), "BOX_WIDTH: '0.99' is not 1 or more"),
        (_with(6, "1e-300"), "BOX_HEIGHT: '1e-300' is not 1 or more"),
        (_with(6, "-inf"), "BOX_HEIGHT: '-inf' is not 1 or more"),
        (_with(6, "1e9"), "box: "),
        (_with(1, WIDTH + 1), "its size is not that of"),
        ((*GOOD, "--rotate", "45"), "--rotate: '45' is not 0, 90, 180 or 270"),
        ((*GOOD, "--rotate"), "--rotate: no such option, or its value is missing"),
        ((*GOOD, "--matrix", "bt2020"), "--matrix: 'bt2020' is not bt601 or bt709"),
        ((*GOOD, "--threads", "65"), "--threads: '65' is not a whole number from 1 to 64"),
        ((*GOOD, "--repeat", "0"), "--repeat: '0' is not"),
        ((*GOOD, "--strides", "1,2"), "--strides: '1,2' is not one whole number"),
        (
            (*GOOD, "--strides", "0"),
            "--strides: '0' is not one whole number from 1 to 2147483647 for each",
        ),
        ((*GOOD, "--strides", "-5"), "--strides: '-5' is not one"),
        ((*GOOD, "--strides", "5"), f"--strides: 5 is less than the {3 * WIDTH} bytes of a row of plane 0"),
        ((*GOOD, "--strides", "2147483647"), "its size is not that of"),
        ((*GOOD, "--strides", "2147483648"), "--strides: '2147483648' is not one whole number from 1 to"),
        ((*GOOD, "--kernels", "sse9"), "--kernels: 'sse9' is not among the kernels of this processor"),
        ((*GOOD, "--kernels", ""), "--kernels: '' is not among the kernels"),
        ((*GOOD, "--kernels"), "--kernels: no such option, or its value is missing"),
        ((*GOOD, "--turbo", "1"), "--turbo: no such option"),
        ((*GOOD, "--mirror", "yes"), "yes: stands after the options"),
    ],
)
def test_bad_argument_is_one_error_and_exit_2(
    arguments: Sequence[object], problem: str, program: Path, model: Path
) -> None:
    paths = (model, "-") if arguments else ()
    done = _call(program, *paths, *arguments, data=bytes(3 * WIDTH * HEIGHT))
    _one_error(done, problem)


def _one_error(done: subprocess.CompletedProcess[bytes], problem: str) -> None:
    text = done.stderr.decode()
    assert done.returncode == 2
    assert done.stdout == b""
    assert re.fullmatch(r"error: [^\n]+\n", text), text
    assert problem in text


def test_bad_files_are_one_error_and_exit_2(program: Path, model: Path, tmp_path: Path) -> None:
    frame, data = tmp_path / "frame", model.read_bytes()
    frame.write_bytes(bytes(3 * WIDTH * HEIGHT))
    for content, problem in (
        (b"", "not an edgedf model"),
        (data[:100], "truncated"),
        (data[:-1], "truncated"),
        (data[:90] + bytes([data[90] ^ 4]) + data[91:], "checksum"),
        (frame.read_bytes(), "not an edgedf model"),
    ):
        bad = tmp_path / "bad.edgedfm"
        bad.write_bytes(content)
        _one_error(_call(program, bad, frame, *GOOD), problem)
    _one_error(_call(program, tmp_path / "none", frame, *GOOD), "none: No such file")
    _one_error(_call(program, model, tmp_path / "none", *GOOD), "none: No such file")
    _one_error(_call(program, model, tmp_path, *GOOD), "Is a directory")
    _one_error(_call(program, tmp_path / "\x1b[2Jred", frame, *GOOD), "?[2Jred: No such file")


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux limits a process's memory so")
def test_out_of_memory_is_one_error_and_exit_3(program: Path, model: Path, tmp_path: Path) -> None:
    """With ever more memory it fails ever later, then answers. Below some limit no program starts at all."""
    shell, frame = shutil.which("sh") or "sh", tmp_path / "frame"
    frame.write_bytes(bytes(3 * WIDTH * HEIGHT))
    command = [str(program), str(model), str(frame), *map(str, GOOD), "--threads", "4"]
    problems: set[str] = set()
    for kilobytes in range(1500, 20_000, 64):
        limited = [shell, "-c", f'ulimit -v {kilobytes} && exec "$@"', "sh", *command]
        done = subprocess.run(limited, capture_output=True, check=False)
        text = done.stderr.decode()
        if done.returncode == 0:
            break
        if not text.startswith("error: "):
            assert not problems, text
            continue
        assert done.returncode == 3, text
        assert done.stdout == b""
        assert re.fullmatch(r"error: [^\n]+\n", text), text
        assert re.search("not enough memory|Cannot allocate memory", text), text
        problems.add(text)
    assert done.returncode == 0
    assert problems


def test_help_lists_everything(program: Path) -> None:
    done = _call(program, "--help")
    assert done.returncode == 0
    text = done.stdout.decode()
    for word in (
        *NAMES,
        "--rotate",
        "--mirror",
        "--matrix",
        "--strides",
        "--threads",
        "--repeat",
        "--kernels",
        "avx512, avx2, neon or portable",
        "+float32",
        "Example:",
    ):
        assert word in text


def test_program_is_small_and_stands_alone(
    program: Path, small_program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = small_program.stat().st_size
    with capsys.disabled():
        print(f"\nedgedf-run, compiled: {size:,} bytes (limit {MAX_BYTES:,})")
    assert size <= MAX_BYTES
    assert program.stat().st_size <= FULL_MAX_BYTES
    if sys.platform == "linux" and (ldd := shutil.which("ldd")):
        needed = subprocess.run([ldd, str(small_program)], capture_output=True, text=True, check=True).stdout
        names = {line.split()[0].rpartition("/")[2] for line in needed.splitlines()}
        assert {
            name for name in names if not re.match(r"(ld-|linux-vdso|libc\.|libpthread\.)", name)
        } == set()


@pytest.mark.skipif(ARM_COMPILER is None, reason="NOT RUN: needs gcc-aarch64-linux-gnu")
def test_program_for_arm64_is_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"]
    size = _build(tmp_path, *target, f"-DCMAKE_C_COMPILER={ARM_COMPILER}").stat().st_size
    with capsys.disabled():
        print(f"\nedgedf-run, compiled for arm64: {size:,} bytes (limit {MAX_BYTES:,})")
    assert size <= MAX_BYTES


def test_small_program_has_no_avx512_and_agrees(small_program: Path, program: Path, model: Path) -> None:
    planes, _ = _planes("rgb", 0, np.random.default_rng(1))
    small, full = (
        _verdict(_call(path, model, "-", *GOOD, data=planes[0].tobytes()))
        for path in (small_program, program)
    )
    assert "avx512" not in str(small["kernels"])
    assert float(str(small["logit"])) == pytest.approx(float(str(full["logit"])), rel=1e-5, abs=1e-5)
