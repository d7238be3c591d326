"""Time int8 arithmetic beside float32, on edgedf's engine, LiteRT and ExecuTorch, one thread.

Usage: python bench/native_int8.py [--json] [--turns N] [--arch NAME]   (make bench-int8)

Masks are random, with the stated share of zeros in every layer. "int8": an int8 file; "floats": the same file
with all arithmetic in float32; the rivals run float32, and so does "float32". "avx2" is the int8 file without
dot-product instructions. The ways take turns. edgedf makes floats of the crop's bytes within its time, the
rivals do not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
from native import measure, turns_for
from native_ways import Way, executorch_way, litert_way, native_file, native_way

from edgedf.assembly.sweep import Work, sparse_network
from edgedf.native.engine_types import bind

WORKS = (
    Work(arch="mesonet", size=256),
    Work(arch="mesonet", size=128),
    Work(arch="cnn5", size=128),
    Work(arch="resnet18", size=224),
)
SPARSITIES = (0.0, 0.5, 0.7)
RIVALS = ("litert", "executorch")


def medians(work: Work, sparsity: float, turns: int) -> dict[str, float]:
    """Median milliseconds of every way."""
    module = sparse_network(work, sparsity)
    crop = np.random.default_rng(1).integers(0, 256, (work.size, work.size, 3), dtype=np.uint8)
    whole, small = native_file(module, work), native_file(module, work, "int8")
    with ExitStack() as stack:

        def native(data: bytes, variant: str | None = None, int8: bool = True) -> Way:
            way, model = native_way(data, crop, variant=variant, int8=int8)
            stack.callback(model.close)
            return way

        ways: dict[str, Way] = {
            "int8": native(small),
            "floats": native(small, int8=False),
            "float32": native(whole),
            "litert": litert_way(module, work, crop),
            "executorch": executorch_way(module, work, crop),
        }
        if bind().edgedf_model_variant(b"avx2"):
            ways["avx2"] = native(small, "avx2")
            ways["avx2 floats"] = native(small, "avx2", int8=False)
        return {name: timing.median_ms for name, timing in measure(ways, turns).items()}


def ratios(times: Mapping[str, float]) -> dict[str, float]:
    """How many times faster int8 is than edgedf's float32 and than the faster rival."""
    found = {
        "over_float32": times["float32"] / times["int8"],
        "over_rival": min(times[name] for name in RIVALS) / times["int8"],
    }
    if "avx2" in times:
        found["avx2_over_floats"] = times["avx2 floats"] / times["avx2"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=21, help="turns per way, each of several calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--arch", action="append", help="only this architecture; may be repeated")
    options = parser.parse_args()
    rows = []
    for work in WORKS:
        if options.arch and work.arch not in options.arch:
            continue
        for sparsity in SPARSITIES:
            times = medians(work, sparsity, turns_for(work, options.turns))
            rows.append({"work": work.name, "sparsity": sparsity, "ms": times, "ratios": ratios(times)})
            if not options.json:
                cells = "  ".join(f"{name} {ms:.3f}" for name, ms in times.items())
                times_faster = "  ".join(f"{name} {ratio:.2f}x" for name, ratio in ratios(times).items())
                print(f"{work.name:13} {sparsity:4.0%}  {cells}  |  {times_faster}", flush=True)
    if options.json:
        print(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    sys.exit(main())
