"""What surrounds the face on the person: neck, clothes, ears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgedf.data.synth.paint import F32, bell, cover, ramp, soft_noise, window
from edgedf.data.synth.person import Person
from edgedf.data.synth.shot import Light, Shot

_EAR_TONE = np.array([1.02, 0.93, 0.92], np.float32)


@dataclass(frozen=True, slots=True)
class Layer:
    """Something on the canvas: rows, columns, colour (3, h, w) and opacity (h, w)."""

    rows: slice
    columns: slice
    color: F32
    alpha: F32


def neck(
    x: F32, y: F32, person: Person, light: Light, chin: float, rng: np.random.Generator, scale: float
) -> Layer:
    """The neck, in the chin's shadow at its top."""
    wide = 0.62 * person.shape.half_width
    rows, columns = window(y, 10, 999), window(x, -wide - 20, wide + 20)
    down, across = y[rows], x[columns]
    flare = np.float32(wide) + np.clip(down - np.float32(chin - 4), 0, 60) * np.float32(0.15)
    alpha = cover((flare[:, None] - np.abs(across)[None]) * np.float32(scale))
    round_x = across / np.float32(wide + 6)
    toward = light.direction
    lit = toward[2] * np.sqrt(np.clip(1 - round_x * round_x, 0.05, 1)) + toward[0] * round_x
    lit = np.float32(0.8 * light.ambient) + np.float32(0.8 * light.diffuse) * np.clip(lit, 0, 1)
    shadow = np.float32(0.45) + np.float32(0.55) * ramp(down, chin - 12, chin + 22)
    texture = 1 + np.float32(0.06) * soft_noise(rng, len(down), len(across), 40, 36)
    return Layer(rows, columns, person.skin[:, None, None] * (lit[None] * shadow[:, None] * texture), alpha)


def clothes(
    x: F32, y: F32, person: Person, shot: Shot, chin: float, rng: np.random.Generator, scale: float
) -> Layer:
    """Shoulders in one colour with a neckline."""
    wide = 0.62 * person.shape.half_width
    rows = window(y, chin + 8, 999)
    down = y[rows]
    shoulder = np.float32(chin + 14) + np.clip(np.abs(x) - np.float32(0.8 * wide), 0, 200) * np.float32(0.33)
    shoulder += 6 * bell(x, 0, 0.7 * wide)
    side_light = np.float32(0.5) + x * (np.float32(0.3) * shot.light.direction[0] / 60)
    lit = np.clip(np.float32(shot.light.ambient) + np.float32(shot.light.diffuse) * side_light, 0.1, 2)
    folds = 1 + np.float32(0.08) * soft_noise(rng, len(down), len(x), 4, 12)
    alpha = cover((down[:, None] - shoulder[None]) * np.float32(scale))
    return Layer(rows, slice(0, len(x)), shot.cloth[:, None, None] * (lit[None] * folds), alpha)


def ears(x: F32, y: F32, person: Person, light: Light) -> Iterator[Layer]:
    """Both ears, each darker in its middle."""
    for side in (-1, 1):
        center = side * (0.99 * person.shape.half_width - 1)
        rows, columns = window(y, -14, 13), window(x, center - 7, center + 7)
        across = (x[columns] - np.float32(center)) / np.float32(5.2)
        radius = np.sqrt((across * across)[None] + (((y[rows] + 1) / 11) ** 2)[:, None])
        toward_lamp = np.clip(0.45 + 0.4 * light.direction[0] * side, 0.05, 1)
        lit = np.float32(0.8 * light.ambient + light.diffuse * float(toward_lamp))
        hollow = np.float32(0.65) + np.float32(0.45) * np.clip(radius, 0, 1)
        color = (person.skin * _EAR_TONE)[:, None, None] * (lit * hollow)
        yield Layer(rows, columns, color, cover((1 - radius) * 5))
