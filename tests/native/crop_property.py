"""Random crops against the oracles; `python tests/native/crop_property.py --count N` runs as many as asked.

A third of the cases are the job that ships: a face inside a frame of 320..4000 pixels a side, mostly shrunk,
out at 64..1024 pixels. In the others image sides are 1..4000 and boxes lie inside, across and outside the
edges, both enlarging and shrinking. Every format, stride, rotation, matrix, output layout and set of
processor features comes up; how often each class of job did is printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass

import crop_oracle as oracle
import numpy as np

from edgedf.crop import ColorMatrix, Frame, PixelFormat
from edgedf.native.crop_core import cpu_features, run_crop

BITS = (1, 2, 4)
STRIP = 256 + 32  # pixels that the core reads of a row at once, at most
Numbers = tuple[float, float, float, float]


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
    box: Numbers
    scale: float
    size: int
    output: tuple[str, str]
    without: int


def _side(rng: np.random.Generator) -> int:
    """1..4000, small ones often, since that is where edges meet."""
    return int(np.floor(np.exp(rng.uniform(0, np.log(4001)))))


def random_case(seed: int) -> Case:
    """The case of a seed; every third one is a face inside."""
    rng = np.random.default_rng(seed)
    rotation = int(rng.integers(0, 4)) * 90
    (width, height), box, scale, size = (_inside if seed % 3 == 0 else _anywhere)(rng, rotation)
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
        size,
        outputs[int(rng.integers(0, 4))],
        int(rng.choice([0, 0, sum(bit for bit in BITS if rng.random() < 0.5), 7])),
    )


Drawn = tuple[tuple[int, int], Numbers, float, int]  # stored width and height, box, box_scale, size


def _inside(rng: np.random.Generator, rotation: int) -> Drawn:
    """A square of 0.2..1 of the shorter side inside a camera's frame."""
    if rng.random() < 0.1:
        width, height = int(rng.integers(1920, 4001)), int(rng.integers(1080, 1300))
        width = min(width, 2_600_000 // height)
    else:
        width = int(np.exp(rng.uniform(np.log(320), np.log(1250))))
        height = int(rng.integers(320, max(321, 400_000 // width)))
    if rng.random() < 0.5:
        width, height = height, width
    upright_w, upright_h = (width, height) if rotation % 180 == 0 else (height, width)
    scale = float(rng.choice([1.0, 1.3]))
    reach = float(rng.uniform(0.2, 1.0)) * min(width, height)
    x, y = (float(rng.uniform(0, length - reach)) for length in (upright_w, upright_h))
    face_w, face_h = reach / scale, reach / scale * float(rng.uniform(0.7, 1.0))
    box = (x + (reach - face_w) / 2, y + (reach - face_h) / 2, face_w, face_h)
    if rng.random() < 0.5:  # detectors give whole pixels
        box = (float(round(box[0])), float(round(box[1])), float(round(face_w)), float(round(face_h)))
    side = oracle.square(box, scale)[2]
    smaller = int(rng.integers(64, max(65, min(side, 1024))))
    sizes = [128, 224, 256, smaller, smaller, int(rng.integers(64, 1025)), side // 2, side // 2, side]
    return (width, height), box, scale, max(64, min(int(rng.choice(sizes)), 1024))


def _anywhere(rng: np.random.Generator, rotation: int) -> Drawn:
    """A box inside, across or outside the edges of any picture."""
    width, height = _side(rng), _side(rng)
    if rng.random() < 0.95:  # few very large ones, or nothing else would get its turn
        height = max(1, min(height, 400_000 // width))
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
    sizes = [1, 2, 128, 224, 256, int(rng.integers(1, 400))]
    share = rng.random()
    size = side if share < 0.05 else max(1, side // 2) if share < 0.1 else int(rng.choice(sizes))
    return (width, height), box, scale, min(size, 4096)


CLASSES = (
    *(
        "inside and shrunk",
        "inside and shrunk, frame of 1920x1080 or more",
        "across an edge",
        "outside",
        "enlarged",
    ),
    *("copied", "copied line by line", "halved", "halved line by line", "more than one strip"),
)


def classes(case: Case) -> list[str]:
    """Which of CLASSES a case is of."""
    left, top, side = oracle.square(case.box, case.scale)
    lies = case.rotation % 180 == 0
    width, height = (case.width, case.height) if lies else (case.height, case.width)
    columns, rows = (min(at + side, end) - max(at, 0) for at, end in ((left, width), (top, height)))
    inside, outside = columns == rows == side, columns <= 0 or rows <= 0
    shrunk, large = inside and side > case.size, max(width, height) >= 1920 and min(width, height) >= 1080
    copied, halved = side == case.size, side == 2 * case.size
    whole_rows = case.rotation == (180 if case.mirrored else 0)
    strips = lies and columns > STRIP and not (whole_rows and (copied or halved))
    holds = (
        *(shrunk, shrunk and large, not inside and not outside, outside, side < case.size),
        *(copied, copied and whole_rows, halved, halved and whole_rows, strips),
    )
    return [name for name, is_one in zip(CLASSES, holds, strict=True) if is_one]


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
    counts: Counter[str] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        case = random_case(seed)
        counts.update(classes(case))
        if (problem := difference(case)) is not None:
            wrong += 1
            print(f"{case}: {problem}", file=sys.stderr)
    seconds = time.perf_counter() - start
    print(f"{arguments.count} random crops, {wrong} differ from the oracles, {seconds:.0f} s")
    for name in CLASSES:
        print(f"{counts[name]:7} {name}")
    print(f"processor features of this machine: {cpu_features()} (1 SSE4.1, 2 AVX2, 4 NEON)")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
