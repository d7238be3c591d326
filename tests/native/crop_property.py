"""Random crops against the oracles; `python tests/native/crop_property.py --count N` runs as many as asked.

Image sides are 1..4000, boxes lie inside, across and outside the edges, both enlarging and shrinking; every
format, stride, rotation, matrix, output layout and set of processor features comes up.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import crop_oracle as oracle
import numpy as np

from edgedf.crop import ColorMatrix, Frame, PixelFormat
from edgedf.native.crop_core import cpu_features, run_crop

BITS = (1, 2, 4)


@dataclass(frozen=True)
class Case:
    """One random job; `seed` makes the pixels."""

    seed: int
    format: int
    width: int
    height: int
    rotation: int
    mirrored: bool
    matrix: int
    box: tuple[float, float, float, float]
    scale: float
    size: int
    output: tuple[str, str]
    without: int


def _side(rng: np.random.Generator) -> int:
    """1..4000, small ones often, since that is where edges meet."""
    return int(np.floor(np.exp(rng.uniform(0, np.log(4001)))))


def random_case(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    width, height = _side(rng), _side(rng)
    if rng.random() < 0.95:  # few very large ones, or nothing else would get its turn
        height = max(1, min(height, 400_000 // width))
    rotation = int(rng.integers(0, 4)) * 90
    upright_w, upright_h = (width, height) if rotation % 180 == 0 else (height, width)
    scale = float(rng.choice([1.0, 1.3, rng.uniform(0.5, 4.0)]))
    largest = np.log(1500 if rng.random() < 0.03 else 300)
    box_w, box_h = (float(np.exp(rng.uniform(-1, largest))) for _ in range(2))
    reach = max(box_w, box_h) * scale
    x = float(rng.uniform(-reach, upright_w + reach * 0.3))
    y = float(rng.uniform(-reach, upright_h + reach * 0.3))
    if rng.random() < 0.5:  # detectors give whole pixels
        x, y, box_w, box_h = float(round(x)), float(round(y)), max(1.0, round(box_w)), max(1.0, round(box_h))
    box = (x, y, box_w, box_h)
    side = oracle.square(box, scale)[2]
    size = side if rng.random() < 0.05 else int(rng.choice([1, 2, 128, 224, 256, rng.integers(1, 400)]))
    outputs = (("uint8", "NHWC"), ("uint8", "NHWC"), ("float32", "NHWC"), ("float32", "NCHW"))
    return Case(
        seed,
        int(rng.integers(0, 8)),
        width,
        height,
        rotation,
        bool(rng.integers(0, 2)),
        int(rng.integers(0, 2)),
        box,
        scale,
        min(size, 4096),
        outputs[int(rng.integers(0, 4))],
        int(rng.choice([0, 0, sum(bit for bit in BITS if rng.random() < 0.5), 7])),
    )


def difference(case: Case) -> str | None:
    """What is wrong with our crop of this case, or None."""
    rng = np.random.default_rng([case.seed, 1])
    stored = oracle.store(case.format, rng, case.width, case.height, case.matrix)
    frame = Frame(
        planes=stored.planes,
        format=PixelFormat(case.format),
        width=case.width,
        height=case.height,
        row_strides=stored.row_strides,
        pixel_strides=stored.pixel_strides,
        rotation=case.rotation,
        mirrored=case.mirrored,
        matrix=ColorMatrix(case.matrix),
    )
    got = run_crop(frame, case.box, case.size, case.scale, *case.output, without=case.without)
    picture = oracle.upright(stored.rgb, case.rotation, case.mirrored)
    want = oracle.pillow_crop(picture, case.box, case.scale, case.size)
    if case.output[1] == "NCHW":
        want = want.transpose(2, 0, 1)
    if got.dtype != np.dtype(case.output[0]) or got.shape != want.shape:
        return f"{got.dtype}{got.shape} instead of {case.output[0]}{want.shape}"
    wrong = int(np.count_nonzero(got != want.astype(got.dtype)))
    return f"{wrong} of {want.size} numbers differ" if wrong else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20000, help="cases to run (default 20000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case (default 0)")
    arguments = parser.parse_args()
    start, wrong = time.perf_counter(), 0
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        case = random_case(seed)
        if (problem := difference(case)) is not None:
            wrong += 1
            print(f"{case}: {problem}", file=sys.stderr)
    seconds = time.perf_counter() - start
    print(f"{arguments.count} random crops, {wrong} differ from the oracles, {seconds:.0f} s")
    print(f"processor features of this machine: {cpu_features()} (1 SSE4.1, 2 AVX2, 4 NEON)")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
