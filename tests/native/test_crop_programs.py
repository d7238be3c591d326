"""The C sources under sanitizers: vectors and fuzz corpora replayed, and the core's compiled size."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cmake
import ninja
import pytest
from crop_seeds import seeds

from edgedf.native.crop_core import cpu_features

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "edgedf" / "native"
VECTORS = ROOT / "tests" / "golden" / "crop_vectors.txt"
FLAGS = ["-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
SANITIZERS = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MAX_BYTES = 40_000
CROPS = 488 * 2  # vectors, at the end and at the beginning of memory, for each set of instructions left out


def compile_core(target: Path, options: list[str], *extra: Path) -> Path:
    """The crop's sources and `extra` built with the local C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("NOT RUN: no C compiler")
    sources = [str(path) for path in (*sorted((NATIVE / "src" / "crop").glob("*.c")), *extra)]
    command = [compiler, *FLAGS, *options, f"-I{NATIVE / 'include'}", *sources, "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "sanitize" in done.stderr:
        pytest.skip("NOT RUN: the C compiler has no sanitizers")
    assert done.returncode == 0, done.stderr
    return target


def run(*command: str | Path) -> str:
    """Standard output of a program that must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_vectors_hold_under_sanitizers(tmp_path: Path) -> None:
    program = compile_core(tmp_path / "vectors", SANITIZERS, NATIVE / "tests" / "crop_vectors.c")
    sets = 2 ** cpu_features().bit_count()
    assert run(program, VECTORS).startswith(f"{CROPS * sets} crops, 0 wrong")


def test_random_crops_hold_under_sanitizers(tmp_path: Path) -> None:
    program = compile_core(tmp_path / "random", SANITIZERS, NATIVE / "tests" / "crop_random.c")
    assert run(program, "400").startswith("400 random crops, 0 differ from the portable loops")


def test_the_fuzzers_seeds_are_what_the_script_writes() -> None:
    corpus = NATIVE / "fuzz" / "corpus" / "crop"
    assert {name: (corpus / name).read_bytes() for name in seeds()} == seeds()


@pytest.mark.parametrize("target", ["crop", "crop_sizes"])
def test_fuzz_corpus_replays_cleanly(target: str, tmp_path: Path) -> None:
    fuzz = NATIVE / "fuzz"
    program = compile_core(tmp_path / "fuzz", SANITIZERS, fuzz / f"fuzz_{target}.c", fuzz / "replay.c")
    corpus = sorted((fuzz / "corpus" / target).iterdir())
    assert corpus
    assert run(program, *corpus) == f"{len(corpus)} inputs replayed\n"


def test_core_is_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Without separate-code the file is its contents, not padding to pages.
    options = ["-O3", "-fPIC", "-fvisibility=hidden", "-shared", "-s", "-Wl,-z,noseparate-code"]
    library = compile_core(tmp_path / "crop.so", options)
    with capsys.disabled():
        print(f"\ncrop core, compiled: {library.stat().st_size:,} bytes (limit {MAX_BYTES:,})")
    assert library.stat().st_size < MAX_BYTES


def _on_arm64(tmp_path: Path, driver: str, *arguments: str | Path) -> str:
    """What a test program prints on arm64."""
    compiler, qemu = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64-static")
    if compiler is None or qemu is None:
        pytest.skip("NOT RUN: needs gcc-aarch64-linux-gnu and qemu-user-static")
    sources = [str(path) for path in sorted((NATIVE / "src" / "crop").glob("*.c"))]
    program = tmp_path / driver
    main = str(NATIVE / "tests" / f"{driver}.c")
    run(compiler, *FLAGS, "-O3", "-static", f"-I{NATIVE / 'include'}", *sources, main, "-o", program)
    return run(qemu, program, *arguments)


def test_golden_crops_are_the_same_on_arm64(tmp_path: Path) -> None:
    expected = f"{CROPS * 2} crops, 0 wrong, processor features 4\n"
    assert _on_arm64(tmp_path, "crop_vectors", VECTORS) == expected


def test_random_crops_are_the_portable_ones_on_arm64(tmp_path: Path) -> None:
    expected = "400 random crops, 0 differ from the portable loops, processor features 4\n"
    assert _on_arm64(tmp_path, "crop_random", "400", "2") == expected


# gcc's own default is to fuse; clang's "fast", if somebody insists on it, is the one that no source can undo.
@pytest.mark.parametrize(
    "compiler",
    [
        "clang --target=aarch64-linux-gnu -O2",
        "clang --target=aarch64-linux-gnu -O3",
        "aarch64-linux-gnu-gcc -std=gnu11 -O3 -ffp-contract=fast",
    ],
)
def test_no_multiply_add_is_fused_without_our_flag(compiler: str, tmp_path: Path) -> None:
    name, *options = compiler.split()
    if shutil.which(name) is None:
        pytest.skip(f"NOT RUN: needs {name}")
    fused = re.compile(r"\bfn?m(add|sub|la|ls)\b")
    headers = ["-isystem", "/usr/aarch64-linux-gnu/include", f"-I{NATIVE / 'include'}"]

    def assembly(source: Path) -> str:
        return run(name, *options, *headers, "-S", "-o", "-", source)

    control = tmp_path / "control.c"
    control.write_text("double f(double a, double b, double c) { return a * b + c; }\n")
    assert fused.search(assembly(control)), "the compiler fuses nothing: the test would see nothing"
    for source in sorted((NATIVE / "src" / "crop").glob("*.c")):
        assert not fused.search(assembly(source)), source.name


INTEL_32 = ["gcc -m32", "clang --target=i386-linux-gnu -march=i386"]


@pytest.mark.parametrize("compiler", INTEL_32)
@pytest.mark.parametrize("source", ["square.c", "weights.c"])
def test_a_build_whose_doubles_have_extra_precision_stops_with_the_remedy(compiler: str, source: str) -> None:
    name, *options = compiler.split()
    if shutil.which(name) is None:
        pytest.skip(f"NOT RUN: needs {name}")
    headers = ["-std=c99", "-ffreestanding", "-fsyntax-only", f"-I{NATIVE / 'include'}"]

    def build(*more: str) -> subprocess.CompletedProcess[str]:
        command = [name, *options, *headers, *more, str(NATIVE / "src" / "crop" / source)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with_sse = build("-march=i686", "-msse2", "-mfpmath=sse")
    if "unrecognized" in with_sse.stderr:
        pytest.skip(f"NOT RUN: {name} is not for x86")
    assert with_sse.returncode == 0, with_sse.stderr
    x87 = build("-mfpmath=387") if name == "gcc" else build()
    assert x87.returncode != 0
    assert "build it with -msse2 -mfpmath=sse" in x87.stderr
    assert "without -ffast-math" in build("-msse2", "-mfpmath=sse", "-ffast-math").stderr
    assert "without -ffast-math" in build("-msse2", "-mfpmath=sse", "-ffinite-math-only").stderr


LOOSE = (
    *("-ffp-contract=fast", "-funsafe-math-optimizations", "-freciprocal-math", "-ffinite-math-only"),
    "-fassociative-math -fno-signed-zeros -fno-trapping-math",
)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_loose_arithmetic_stops_the_build_or_changes_no_weight(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"NOT RUN: needs {name}")
    crop = NATIVE / "src" / "crop"
    sources = [str(Path(__file__).with_name("weights_hash.c")), str(crop / "weights.c")]

    def build(*options: str) -> subprocess.CompletedProcess[str]:
        headers = ["-std=c99", f"-I{NATIVE / 'include'}", f"-I{crop}"]
        command = [name, "-O3", *headers, *options, *sources, "-o", str(tmp_path / "weights")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert build().returncode == 0
    expected = run(tmp_path / "weights")
    for flags in LOOSE:
        built = build(*flags.split())
        if built.returncode:
            assert "without -ffast-math" in built.stderr, flags
        else:
            assert run(tmp_path / "weights") == expected, flags


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_cmake_takes_back_what_an_including_project_loosens(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None or shutil.which("objdump") is None:
        pytest.skip(f"NOT RUN: needs {name} and objdump")
    loose = "-march=haswell -ffast-math -ffp-contract=fast"
    control = tmp_path / "control.c"
    control.write_text("double f(double a, double b, double c) { return a * b + c; }\n")
    run(name, *loose.split(), "-O3", "-c", control, "-o", tmp_path / "control.o")
    if "vfmadd" not in run("objdump", "-d", tmp_path / "control.o"):
        pytest.skip(f"NOT RUN: {name} is not for x86-64")
    maker = f"-DCMAKE_MAKE_PROGRAM={Path(ninja.BIN_DIR) / 'ninja'}"
    build = ["-B", tmp_path, "-G", "Ninja", maker, f"-DCMAKE_C_COMPILER={name}", f"-DCMAKE_C_FLAGS={loose}"]
    tool = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    run(tool, "-S", NATIVE, *build)
    for source in ("weights", "square"):
        target = f"CMakeFiles/edgedf_objects.dir/src/crop/{source}.c.o"
        run(tool, "--build", tmp_path, "--target", target)
        assert "vfm" not in run("objdump", "-d", tmp_path / target)
