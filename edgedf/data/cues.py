"""Trivial cues of a picture: what a benchmark must not be solvable by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from edgedf.crop import U8

F64 = npt.NDArray[np.float64]
RADIAL_BINS = 34
# Pictures are compared at one size: a probe must not see the size itself.
CUE_SIDE = 160


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cue may look at: the upright RGB picture uint8 (H, W, 3) and the size of its file in bytes."""

    picture: U8
    file_bytes: int


def mean_color(seen: Seen) -> F64:
    """Mean of red, green and blue, (3,)."""
    return np.asarray(seen.picture.reshape(-1, 3).mean(axis=0))


def color_histogram(seen: Seen) -> F64:
    """16 bins each of red, green and blue, shares, (48,)."""
    flat = seen.picture.reshape(-1, 3) >> 4
    counts = [np.bincount(flat[:, channel], minlength=16) for channel in range(3)]
    return np.asarray(np.concatenate(counts) / len(flat))


def file_size(seen: Seen) -> F64:
    """Logarithm of the file's size in bytes per pixel, (1,)."""
    share = max(1, seen.file_bytes) / seen.picture[:, :, 0].size
    return np.array([np.log(share)])


def high_frequency(seen: Seen) -> F64:
    """Logarithms of the mean Laplacian and of the energy that a small blur removes, (2,)."""
    grey = _grey(seen.picture)
    laplacian = np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean()
    rest = np.square(grey - cv2.GaussianBlur(grey, (0, 0), 1.0)).mean()
    return np.log(np.array([laplacian, rest], np.float64) + 1e-3)


def radial_spectrum(seen: Seen) -> F64:
    """Logarithm of the power spectrum, averaged over rings, (34,): a real forensic cue, not a trivial one."""
    grey = cv2.resize(_grey(seen.picture), (CUE_SIDE, CUE_SIDE), interpolation=cv2.INTER_AREA)
    taper = np.hanning(CUE_SIDE)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * np.outer(taper, taper))) ** 2
    rows = np.fft.fftfreq(CUE_SIDE)[:, None]
    columns = np.fft.rfftfreq(CUE_SIDE)[None]
    # Frequencies run to 0.5 along the axes and to 0.71 into the corners.
    ring = np.minimum((np.hypot(rows, columns) / 0.7072 * RADIAL_BINS).astype(int), RADIAL_BINS - 1)
    total = np.bincount(ring.ravel(), power.ravel(), RADIAL_BINS)
    count = np.bincount(ring.ravel(), minlength=RADIAL_BINS)
    return np.asarray(np.log(total / count + 1e-3))


def _grey(picture: U8) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.float32)


Cue = Callable[[Seen], F64]

# Cues that must stay near chance, and one that is only reported.
TRIVIAL_CUES: Mapping[str, Cue] = MappingProxyType(
    {
        "mean colour": mean_color,
        "colour histogram": color_histogram,
        "file size": file_size,
        "high-frequency energy": high_frequency,
    }
)
BASELINE_CUES: Mapping[str, Cue] = MappingProxyType({"radial power spectrum": radial_spectrum})
