"""Planes that end where memory ends: a read beyond a plane's last byte kills the process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edgedf.crop import Frame, PixelFormat
from edgedf.native.crop_core import cpu_features, run_crop

# Bits of edgedf_cpu that are left out, from the fastest variant to the portable one.
WITHOUT = sorted({cpu_features() & mask for mask in (0, 1, 3, 5, 7)} | {0, 7})

SCRIPT = """
import ctypes, mmap, sys
import numpy as np
from edgedf.crop import Frame, PixelFormat
from edgedf.native.crop_core import run_crop

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
regions = []


def ending(count):
    # `count` bytes, random but always the same, before a page that nobody may read.
    size = -(-count // PAGE) * PAGE
    region = mmap.mmap(-1, size + PAGE)
    regions.append(region)
    base = ctypes.addressof(ctypes.c_char.from_buffer(region))
    assert libc.mprotect(base + size, PAGE, 0) == 0
    data = np.frombuffer((ctypes.c_uint8 * count).from_address(base + size - count), np.uint8)
    data[:] = np.random.default_rng(count).integers(0, 256, count, dtype=np.uint8)
    return data


def packed(format, sample, step, width, height, row):
    plane = ending((height - 1) * row + (width - 1) * step + sample)
    size = dict(width=width, height=height)
    return Frame(planes=(plane,), format=format, row_strides=(row,), pixel_strides=(step,), **size)


def pairs(first, width, height, u_row, v_row):
    # U and V a byte apart in one buffer, as Android gives them; `first` comes first.
    rows, columns = (height + 1) // 2, (width + 1) // 2
    spans = [(rows - 1) * stride + (columns - 1) * 2 + 1 for stride in (u_row, v_row)]
    starts = (0, 1) if first == "u" else (1, 0)
    both = ending(max(start + span for start, span in zip(starts, spans)))
    u, v = (both[start : start + span] for start, span in zip(starts, spans))
    y = ending((height - 1) * width + width)
    return Frame(
        planes=(y, u, v),
        format=PixelFormat.YUV_420_888,
        width=width,
        height=height,
        row_strides=(width, u_row, v_row),
        pixel_strides=(1, 2, 2),
    )


def frames():
    for width, height in ((64, 40), (63, 41), (35, 5), (17, 1), (2, 2), (1, 1)):
        yield packed(PixelFormat.RGB888, 3, 3, width, height, 3 * width)
        yield packed(PixelFormat.RGB888, 3, 4, width, height, 4 * width)
        yield packed(PixelFormat.RGB888, 3, 7, width, height, 7 * width + 5)
        yield packed(PixelFormat.RGBA8888, 4, 4, width, height, 4 * width)
        yield packed(PixelFormat.GRAY8, 1, 1, width, height, width)
        even = (width + 1) // 2 * 2
        for first in "uv":
            yield pairs(first, width, height, even, even)
            yield pairs(first, width, height, even, even + 6)
            yield pairs(first, width, height, even + 6, even)


for frame in frames():
    for rotation in (0, 90, 180, 270):
        for mirrored in (False, True):
            turned = frame.__class__(**{name: getattr(frame, name) for name in frame.__slots__}
                                     | {"rotation": rotation, "mirrored": mirrored})
            upright = (frame.width, frame.height) if rotation % 180 == 0 else (frame.height, frame.width)
            box = (0.0, 0.0, float(upright[0]), float(upright[1]))
            for size in (8, 48):
                crop = run_crop(turned, box, size, 1.0, "uint8", "NHWC", int(sys.argv[1]))
                sys.stdout.buffer.write(np.ascontiguousarray(crop).tobytes())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="guard pages are made with mprotect")
def test_no_variant_reads_beyond_a_plane_and_all_agree() -> None:
    outcomes = {}
    for without in WITHOUT:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(without)], capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, (without, done.returncode, done.stderr.decode()[-800:])
        outcomes[without] = done.stdout
    assert len(next(iter(outcomes.values()))) > 100_000
    assert len(set(outcomes.values())) == 1


def test_a_pixel_stride_of_0_is_the_packed_one() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, 40 * 64 * 4, dtype=np.uint8)
    box = (0.0, 0.0, 64.0, 40.0)
    plain = Frame(planes=(pixels,), format=PixelFormat.RGBA8888, width=64, height=40)
    zero = replace(plain, pixel_strides=(0,))
    assert np.array_equal(*(run_crop(f, box, 32, 1.0, "uint8", "NHWC") for f in (plain, zero)))
