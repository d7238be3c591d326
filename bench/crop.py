"""Time one crop of a face out of a 1920x1080 frame to 256x256 on one thread, beside Pillow and OpenCV.

Usage: python bench/crop.py [--json]   (make bench-crop)

Each line is one job done in several ways, taken in turn; a time is the median over all turns. The jobs:
RGBA: square out of an RGBA frame, resized, alpha dropped. NV21: the same from a camera frame, where the other
ways convert the whole frame first, as code without a crop core does, or cut out the square's samples and
convert them.

`wanted` is how much faster than that way edgedf must be, `ok` or `LESS` whether it is. Ways without it do
another job. OpenCV's INTER_LINEAR skips pixels when it shrinks (squares above 256, faces from 198 on). Where
the square is 512 (face 394), its INTER_AREA is a mean of 2 x 2 pixels. Where the square is 256 (face 197),
nothing is resized: each way copies.
Exit code: 0 all ok, 1 one is LESS.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from edgedf.crop import Box, Frame, PixelFormat, crop_frame, crop_square

WIDTH, HEIGHT, SIZE, SCALE = 1920, 1080, 256, 1.3
FACES = (100, 150, 190, 197, 300, 394, 600, 788)
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Line:
    """One way to do one job: median and 90th percentile in milliseconds, its median over edgedf's, and what
    that ratio must be at least, if anything."""

    job: str
    face: int
    way: str
    median_ms: float
    p90_ms: float
    ratio: float
    wanted: float | None

    @property
    def verdict(self) -> str:
        """ok, LESS, or nothing where nothing is wanted."""
        if self.wanted is None:
            return ""
        return "ok" if self.ratio >= self.wanted else "LESS"


def wanted_of(job: str, way: str, side: int) -> float | None:
    """How many times as long as edgedf this way must take, if it does the same job for a square of `side`."""
    copies, means = side == SIZE, side == 2 * SIZE and way.endswith("INTER_AREA")
    if way.startswith("edgedf"):
        return None
    if job == "NV21" and "region" not in way:
        return 3.0
    if copies or means:
        return None
    return 3.0 if way.startswith("Pillow") else 1.0 if way.endswith("INTER_AREA") or side < SIZE else None


def measure(
    ways: Mapping[str, Callable[[], object]], turns: int = 61, calls: int = 5
) -> dict[str, list[float]]:
    """Milliseconds of processor time per call, so that other programs on the machine do not count.

    The ways take turns, so a slow moment hits all of them; a turn is a few calls in a row, as in a video.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            start = time.thread_time_ns()
            for _ in range(calls):
                way()
            times[name].append((time.thread_time_ns() - start) / calls / 1e6)
    return times


def rgba_ways(rgba: U8, box: Box) -> dict[str, Callable[[], object]]:
    """Ways to crop an RGBA frame; the square lies inside it."""
    left, top, side = crop_square(box, SCALE)
    picture = Image.fromarray(rgba[..., :3].copy())
    frame = Frame.from_array(rgba, PixelFormat.RGBA8888)
    turned = Frame.from_array(np.ascontiguousarray(np.rot90(rgba)), PixelFormat.RGBA8888, rotation=90)

    def opencv(how: int) -> object:
        small = cv2.resize(rgba[top : top + side, left : left + side], (SIZE, SIZE), interpolation=how)
        return cv2.cvtColor(small, cv2.COLOR_RGBA2RGB)

    def pillow() -> object:
        square = (left, top, left + side, top + side)
        return np.asarray(picture.crop(square).resize((SIZE, SIZE), Image.Resampling.BILINEAR))

    return {
        "edgedf": lambda: crop_frame(frame, box, size=SIZE, box_scale=SCALE),
        "edgedf, frame turned by 90": lambda: crop_frame(turned, box, size=SIZE, box_scale=SCALE),
        "Pillow BILINEAR": pillow,
        "OpenCV INTER_AREA": lambda: opencv(cv2.INTER_AREA),
        "OpenCV INTER_LINEAR": lambda: opencv(cv2.INTER_LINEAR),
    }


def nv21_ways(nv21: U8, box: Box) -> dict[str, Callable[[], object]]:
    """Ways to crop an NV21 frame (H * 3 / 2, W)."""
    frame = Frame(planes=(nv21[:HEIGHT], nv21[HEIGHT:]), format=PixelFormat.NV21, width=WIDTH, height=HEIGHT)
    left, top, side = crop_square(box, SCALE)

    def convert_then_edgedf() -> object:
        rgb = cv2.cvtColor(nv21, cv2.COLOR_YUV2RGB_NV21)
        return crop_frame(Frame.from_array(rgb, PixelFormat.RGB888), box, size=SIZE, box_scale=SCALE)

    def convert_then_area() -> object:
        rgb = cv2.cvtColor(nv21, cv2.COLOR_YUV2RGB_NV21)
        return cv2.resize(
            rgb[top : top + side, left : left + side], (SIZE, SIZE), interpolation=cv2.INTER_AREA
        )

    def convert_then_pillow() -> object:
        picture = Image.fromarray(cv2.cvtColor(nv21, cv2.COLOR_YUV2RGB_NV21))
        square = (left, top, left + side, top + side)
        return np.asarray(picture.crop(square).resize((SIZE, SIZE), Image.Resampling.BILINEAR))

    x, y, even = left // 2 * 2, top // 2 * 2, (side + 2) // 2 * 2  # whole 2 x 2 blocks
    pairs = nv21[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2)

    def region_then_area() -> object:
        luma = np.ascontiguousarray(nv21[y : y + even, x : x + even])
        chroma = np.ascontiguousarray(pairs[y // 2 : (y + even) // 2, x // 2 : (x + even) // 2])
        rgb = cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2RGB_NV21)
        square = rgb[top - y : top - y + side, left - x : left - x + side]
        return cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA)

    return {
        "edgedf": lambda: crop_frame(frame, box, size=SIZE, box_scale=SCALE),
        "OpenCV convert, then edgedf": convert_then_edgedf,
        "OpenCV convert, then INTER_AREA": convert_then_area,
        "OpenCV convert, then Pillow": convert_then_pillow,
        "OpenCV region, then INTER_AREA": region_then_area,
    }


def run() -> list[Line]:
    """Every job for every face size."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(7)
    rgba = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    nv21 = rng.integers(0, 256, (HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
    lines = []
    for face in FACES:
        box = Box((WIDTH - face) / 2, (HEIGHT - face) / 2, face, face)
        for job, ways in (("RGBA", rgba_ways(rgba, box)), ("NV21", nv21_ways(nv21, box))):
            times = measure(ways)
            base = statistics.median(times["edgedf"])
            for way, taken in times.items():
                median = statistics.median(taken)
                p90 = statistics.quantiles(taken, n=10)[8]
                wanted = wanted_of(job, way, crop_square(box, SCALE)[2])
                lines.append(Line(job, face, way, median, p90, median / base, wanted))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    wants_json = parser.parse_args().json
    lines = run()
    failed = int(any(line.verdict == "LESS" for line in lines))
    if wants_json:
        print(json.dumps([{**asdict(line), "verdict": line.verdict} for line in lines], indent=2))
        return failed
    print(f"one crop of a {WIDTH}x{HEIGHT} frame to {SIZE}x{SIZE}, box_scale {SCALE}, one thread")
    print(f"{'job':5} {'face':>5} {'way':32} {'median ms':>10} {'p90 ms':>8} {'x edgedf':>9} {'wanted':>7}")
    for line in lines:
        numbers = f"{line.median_ms:10.3f} {line.p90_ms:8.3f} {line.ratio:8.2f}x"
        wanted = "" if line.wanted is None else f"{line.wanted:6.1f}x"
        print(f"{line.job:5} {line.face:5} {line.way:32} {numbers} {wanted:>7} {line.verdict}".rstrip())
    return failed


if __name__ == "__main__":
    sys.exit(main())
