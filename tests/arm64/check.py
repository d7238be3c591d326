"""The bundle's goldens on arm64 LiteRT and ExecuTorch under qemu, beside the same runtimes on this machine.

Usage: python tests/arm64/check.py FOLDER BUNDLE   (make test-arm64)

FOLDER is what fetch.sh and build_runner.sh made. An artifact passes when no golden's logit differs from dense
PyTorch by more than the bundle's own tolerance, as in `edgedf parity`.
Exit code: 0 all pass, 1 one does not, 3 one could not run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.reader import Bundle, open_bundle
from edgedf.errors import NotRunError
from edgedf.parity.compare import logit_scale
from edgedf.runtime.backend import open_backend

F32 = npt.NDArray[np.float32]
QEMU = "qemu-aarch64-static"
CROSS_ROOT = "/usr/aarch64-linux-gnu"
# qemu's default processor has no dot product: XNNPACK would take other kernels than a phone's.
PROCESSOR = "cortex-a76"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """One artifact's goldens on arm64: largest error over the logits' scale, how many have x86-64's bits."""

    target: str
    runtime: str
    goldens: int
    error: float
    tolerance: float
    same_bits: int

    @property
    def outcome(self) -> str:
        return "pass" if self.error <= self.tolerance else "FAIL"


def command_of(target: str, folder: Path) -> list[str]:
    """The arm64 program for a target; MODEL INPUTS OUTPUT follow."""
    root, runner = folder / "root", folder / "runner"
    if target == "tflite":
        (python,) = [
            p
            for p in (root / "usr" / "bin").glob("python3.*")
            if p.name.count(".") == 1 and p.name[-1].isdigit()
        ]
        emulator = [QEMU, "-L", str(root), "-E", f"PYTHONPATH={folder / 'site'}"]
        return [*emulator, str(python), str(HERE / "litert_logits.py")]
    return [QEMU, "-L", CROSS_ROOT, "-E", f"LD_LIBRARY_PATH={runner}", str(runner / "executorch_logits")]


def arm64_logits(
    command: list[str], model: Path, entry: ArtifactEntry, crops_nhwc: npt.NDArray[np.uint8]
) -> F32:
    """Logits (N,) of all goldens. Raises NotRunError with the program's last line if it fails."""
    pictures = crops_nhwc.astype("<f4")
    if entry.input.layout == "NCHW":
        pictures = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
    with tempfile.TemporaryDirectory() as scratch:
        inputs, output = Path(scratch, "inputs.f32"), Path(scratch, "logits.f32")
        pictures.tofile(inputs)
        done = subprocess.run(
            [*command, str(model), str(inputs), str(output)],
            env={**os.environ, "QEMU_CPU": PROCESSOR},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode != 0 or not output.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise NotRunError(f"{entry.target} on arm64 ended with {done.returncode}: {last}")
        return np.fromfile(output, "<f4").astype(np.float32)


def check(bundle: Bundle, target: str, folder: Path) -> Result:
    """Run one target's artifact on all goldens."""
    entry, goldens = bundle.artifact(target), bundle.goldens()
    logits = arm64_logits(command_of(target, folder), bundle.folder / entry.path, entry, goldens.crops_nhwc)
    if logits.shape != goldens.logits.shape:
        raise NotRunError(f"{target} on arm64 gave {logits.size} logits for {goldens.logits.size} goldens")
    with open_backend(bundle.folder, entry) as backend:
        here, runtime = backend.run(goldens.crops_nhwc), backend.runtime
    error = float(np.abs(logits - goldens.logits).max() / logit_scale(goldens.logits))
    same = int(np.count_nonzero(logits.view(np.uint32) == here.view(np.uint32)))
    return Result(target, runtime, logits.size, error, entry.tolerances.max_logit_error, same)


def main() -> int:
    folder, path = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    code = 0
    numbers = f"{'goldens':>7} {'max error':>10} {'tolerance':>10} {'same bits':>9}"
    print(f"{'arm64 artifact':16} {'runtime':28} {numbers}")
    with open_bundle(path) as bundle:
        for target in ("tflite", "executorch"):
            try:
                result = check(bundle, target, folder)
            except NotRunError as error:
                print(f"{target:16} NOT RUN: {error}")
                code = max(code, 3)
                continue
            figures = f"{result.goldens:7} {result.error:10.2e} {result.tolerance:10.2e} {result.same_bits:9}"
            print(f"{target:16} {result.runtime:28} {figures} {result.outcome}")
            code = code if result.outcome == "pass" else 1
    return code


if __name__ == "__main__":
    sys.exit(main())
