"""The skin's own colour, before light: tone, blotches, shadows of folds, freckles, moles, beard."""

from __future__ import annotations

import numpy as np

from edgedf.data.synth.head import FaceGrid
from edgedf.data.synth.paint import F32, Blob, bell, blend, paint_blobs, ramp, soft_noise, soften, window
from edgedf.data.synth.person import FaceShape, Person
from edgedf.data.synth.shot import Expression

# What redness does to red, green and blue, as shares of the skin's colour.
_REDDENING = (0.4, -1.3, -1.1)
_MOLE = np.array([[0.3, 0.6, 0.3], [0.6, 0.9, 0.6], [0.3, 0.6, 0.3]], np.float32)


def skin_color(grid: FaceGrid, person: Person, expression: Expression, rng: np.random.Generator) -> F32:
    """Colour of the bare skin in linear light, (3, H, W). `rng` carries the person's own texture."""
    height, width = grid.size
    tall = int(height / grid.scale)
    fine = soft_noise(rng, height, width, tall // 2, tall // 2)
    blotches = soft_noise(rng, height, width, tall // 6, tall // 7)
    flush = soft_noise(rng, height, width, tall // 13, tall // 15)
    tone = (1 + np.float32(0.05) * blotches + np.float32(0.045) * fine) * _folds(
        grid, person.shape, expression
    )
    redness = paint_blobs(_blush(grid, person.shape), grid.u, grid.v) + np.float32(0.035) * flush
    color = np.empty((3, height, width), np.float32)
    for channel, share in enumerate(_REDDENING):
        base = person.skin[channel]
        np.multiply(tone, base + base * np.float32(share) * redness, out=color[channel])
    if person.freckles:
        _freckles(color, grid, person, rng)
    _moles(color, grid, person, rng)
    if person.beard:
        _beard(color, grid, person, fine)
    return color


def _blush(grid: FaceGrid, shape: FaceShape) -> list[Blob]:
    return [
        Blob(shape.blush, 22, 9, 9, 9, twin=True),
        Blob(0.8 * shape.blush, grid.nose_x, shape.nose_y, 5, 5),
    ]


def _folds(grid: FaceGrid, shape: FaceShape, expression: Expression) -> F32:
    """How much light the folds of a face let through, 0.05..1."""
    nose, tip, corner = grid.nose_x, shape.nose_y, shape.mouth_width + 1
    lower = shape.mouth_y + expression.mouth_open
    dark = paint_blobs(
        [
            Blob(0.45, nose - 0.55 * shape.nose_width, tip + 4.2, 1.5, 1.5),
            Blob(0.45, nose + 0.55 * shape.nose_width, tip + 4.2, 1.5, 1.5),
            Blob(0.10, nose - shape.nose_width - 2, tip + 2, 2, 5),
            Blob(0.10, nose + shape.nose_width + 2, tip + 2, 2, 5),
            Blob(shape.eye_bags, shape.eye_x, shape.eye_y + 7, 6, 2, twin=True),
            Blob(0.30, shape.eye_x - 2, shape.eye_y - 4, 7, 3.5, twin=True),
            Blob(0.16, 0, lower + 9, 8, 2.2),
            Blob(0.22, corner, shape.mouth_y - 0.6 * expression.smile, 2, 2, twin=True),
        ],
        grid.u,
        grid.v,
    )
    rows = window(grid.v, tip - 3, shape.mouth_y + 7)
    v = grid.v[rows]
    # Smile lines run from the nose's wings down and out past the corners of the mouth.
    line = np.float32(shape.nose_width + 3) + np.float32(0.45) * (v - np.float32(tip))
    fade = ramp(v, tip - 2, tip + 6) * (1 - ramp(v, shape.mouth_y - 2, shape.mouth_y + 6))
    depth = np.float32(shape.smile_lines + 0.05 * expression.smile)
    dark[rows] += depth * fade[:, None] * bell(np.abs(grid.u)[None] - line[:, None], 0, 1.5)
    return np.clip(1 - dark, 0.05, 1)


def _freckles(color: F32, grid: FaceGrid, person: Person, rng: np.random.Generator) -> None:
    rows = window(grid.v, -22, 34)
    v, width = grid.v[rows], len(grid.u)
    spots = soft_noise(rng, len(v), width, int(0.5 * len(v) / grid.scale), int(0.5 * width / grid.scale))
    where = paint_blobs([Blob(1.0, 14, 4, 14, 12, twin=True)], grid.u, v)
    dots = soften((spots > 1.45).astype(np.float32), 0.7) * where
    color[:, rows] *= 1 - np.float32(0.5 * person.freckles) * np.clip(dots, 0, 1)


def _moles(color: F32, grid: FaceGrid, person: Person, rng: np.random.Generator) -> None:
    height, width = grid.size
    for _ in range(int(rng.integers(4))):
        column = int(width / 2 + rng.uniform(-28, 28) * grid.scale)
        row = int(height / 2 + rng.uniform(-35, 40) * grid.scale)
        blend(color[:, row - 1 : row + 2, column - 1 : column + 2], _MOLE, person.skin * np.float32(0.3))


def _beard(color: F32, grid: FaceGrid, person: Person, fine: F32) -> None:
    shape = person.shape
    rows = window(grid.v, shape.nose_y + 3, 99)
    v = grid.v[rows]
    lips = bell(v, shape.mouth_y + 2, 5)[:, None] * bell(grid.u, 0, 10)[None]
    dense = np.float32(person.beard) * ramp(v, shape.nose_y + 4, shape.mouth_y + 6)[:, None]
    stubble = np.clip(np.float32(0.8) + np.float32(0.35) * fine[rows], 0, 1)
    alpha = dense * np.clip(np.float32(1.15) - np.float32(0.7) * lips, 0, 1) * stubble
    hair = person.hair * np.float32(0.8) + person.skin * np.float32(0.08)
    blend(color[:, rows], np.clip(alpha, 0, 0.9), hair)
