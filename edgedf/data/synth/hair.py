"""Hair: the mass behind the face and the fringe over the forehead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgedf.data.synth.head import FaceGrid
from edgedf.data.synth.paint import F32, bell, blend, cover, soft_noise, soften, window
from edgedf.data.synth.person import BALD, BOB, LONG, SHORT, FaceShape, Person
from edgedf.data.synth.shot import Light

# How far down the hair hangs, in units below the face's centre.
_LENGTH = {SHORT: 12.0, BOB: 24.0, LONG: 75.0}


@dataclass(frozen=True, slots=True)
class HairMass:
    """Hair on the canvas: which rows and columns, its colour (3, h, w) and opacity (h, w)."""

    rows: slice
    columns: slice
    color: F32
    alpha: F32


def hair_mass(
    x: F32, y: F32, person: Person, light: Light, rng: np.random.Generator, scale: float
) -> HairMass | None:
    """The hair behind the head on canvas axes `x`, `y` in units; None for a bald head."""
    if person.style == BALD:
        return None
    shape, length = person.shape, _LENGTH[person.style]
    reach = shape.half_width + shape.hair_volume + 5
    columns = window(x, -reach, reach)
    rows = window(y, -shape.crown - shape.hair_volume - 4, max(length, 14) + 3)
    across, down = x[columns], y[rows]
    color = _strands(across, down, person, light, rng)
    edge = (_outline(down, shape, person.style) + _ragged(down, rng, 1.0))[:, None] - np.abs(across)[None]
    return HairMass(rows, columns, color, soften(cover(edge * np.float32(scale)), 1.0 * scale))


def _outline(y: F32, shape: FaceShape, style: int) -> F32:
    """Half the width of the hair at heights `y`, -9 where there is none."""
    wide, high, length = shape.half_width + shape.hair_volume, shape.crown + shape.hair_volume, _LENGTH[style]
    share = np.clip(-y / np.float32(high), 0, 1)
    above = np.float32(wide) * np.sqrt(1 - share * share)
    below = np.float32(wide) + np.float32(1.5) * np.sin(y / 9)
    if style == SHORT:
        below = np.float32(wide) - np.float32(0.6) * y
    inside = (y > -high) & (y < length)
    return np.where(inside, np.where(y < 0, above, below), np.float32(-9)).astype(np.float32)


def _strands(x: F32, y: F32, person: Person, light: Light, rng: np.random.Generator) -> F32:
    """Lit colour of the hair: strands run down, and the side towards the lamp is brighter."""
    height, width = len(y), len(x)
    streaks = 1 + np.float32(0.28) * soft_noise(rng, height, width, 8, 72)
    streaks += np.float32(0.15) * soft_noise(rng, height, width, 22, 90)
    streaks = np.clip(streaks, 0.3, 1.9)
    toward = light.direction
    lit = (x * (toward[0] / 90))[None] + (y * (toward[1] / 120))[:, None] + np.float32(0.675)
    lit = np.clip(lit, 0.25, 1.25)
    body = person.hair * np.float32(light.ambient + 0.6 * light.diffuse)
    sheen = np.float32(0.02 * light.diffuse) * (streaks > 1.25)
    strands: F32 = (streaks * lit) * body[:, None, None] + sheen * lit
    return strands


def draw_fringe(
    face: F32,
    grid: FaceGrid,
    person: Person,
    mass: HairMass,
    face_rows: slice,
    face_columns: slice,
    rng: np.random.Generator,
) -> None:
    """Hair over the forehead and the shadow it throws, onto the lit face (3, H, W)."""
    shape, x, y = person.shape, grid.x, grid.y
    side = np.abs(x)
    temples = np.float32(0.86 if person.style == SHORT else 0.82) * np.float32(shape.half_width)
    line = (
        np.float32(shape.hairline)
        + np.float32(shape.hairline_curve) * (x / np.float32(shape.half_width)) ** 2
    )
    line -= np.float32(shape.parting_depth) * bell(x, shape.parting, 9)
    line += _ragged(x, rng, 1.1)
    # At the temples the hair comes down the side of the face; long hair hides more of it.
    fall = (side - temples) * np.float32(7 if person.style == SHORT else 10) - 30
    line = np.where(side > temples, np.maximum(line, fall), line)
    alpha = soften(cover((line[None] - y[:, None]) * np.float32(0.6 * grid.scale)), 0.8 * grid.scale)
    shadow = np.clip(soften(alpha, 3.0 * grid.scale) - alpha, 0, 1)
    face *= 1 - np.float32(0.45) * shadow
    top, left = face_rows.start - mass.rows.start, face_columns.start - mass.columns.start
    strands = mass.color[:, top : top + len(y), left : left + len(x)]
    # Below the end of the hair mass there are no strands, and the fringe never reaches there.
    blend(face[:, : strands.shape[1]], alpha[: strands.shape[1]], strands)


def _ragged(axis: F32, rng: np.random.Generator, amount: float) -> F32:
    """A jagged line over `axis`, a new tooth every 4 units, teeth of `amount` units."""
    teeth = rng.normal(0, amount, 56)
    return np.interp(axis, np.linspace(-112, 112, 56), teeth).astype(np.float32)
