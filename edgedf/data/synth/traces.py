"""What image generators leave behind: little inner resolution, the phase pattern of upsampling layers."""

from __future__ import annotations

import cv2
import numpy as np

from edgedf.data.synth.draws import chance, log_uniform, uniform
from edgedf.data.synth.paint import F32, spread

# Relative gain of each of the four phases of a 2 x 2 upsampling step, unit variance: one phase that gets
# more weight than the others, a checkerboard, rows, columns.
_PATTERNS = (
    ((1.732, -0.577), (-0.577, -0.577)),
    ((1.0, -1.0), (-1.0, 1.0)),
    ((1.0, 1.0), (-1.0, -1.0)),
    ((1.0, -1.0), (1.0, -1.0)),
)
AMPLITUDE = (0.03, 0.09)
RESOLUTION = (0.55, 0.95)
DETAIL = (0.6, 1.0)


def phase_grid(rng: np.random.Generator, side: int, strength: float) -> F32:
    """A multiplicative pattern (side, side) around 1, as an unbalanced transposed convolution leaves it."""
    inner = _inner_side(rng, side)
    return np.asarray(cv2.resize(_pattern(rng, inner, strength), (side, side), interpolation=cv2.INTER_CUBIC))


def through_generator(picture: F32, rng: np.random.Generator) -> F32:
    """A picture (H, W, 3) as a generator would give it back: less detail, its pattern, its interpolation."""
    side = picture.shape[0]
    inner = _inner_side(rng, side)
    detail = int(inner * uniform(rng, *DETAIL))
    small = cv2.resize(picture, (detail, detail), interpolation=cv2.INTER_AREA)
    made = np.asarray(cv2.resize(small, (inner, inner), interpolation=cv2.INTER_LINEAR))
    made = made * spread(_pattern(rng, inner, 1.0))
    back = cv2.INTER_CUBIC if chance(rng, 0.5) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(made, (side, side), interpolation=back))


def _inner_side(rng: np.random.Generator, side: int) -> int:
    """A generator's own resolution: even, because its last layer doubles."""
    return 2 * int(side * uniform(rng, *RESOLUTION) / 2)


def _pattern(rng: np.random.Generator, inner: int, strength: float) -> F32:
    gain = np.float32(log_uniform(rng, *AMPLITUDE) * strength)
    phases = np.array(_PATTERNS[int(rng.integers(len(_PATTERNS)))], np.float32)
    return np.tile(1 + gain * phases, (inner // 2, inner // 2))
