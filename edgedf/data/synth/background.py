"""The room behind the person: soft colours, a few out-of-focus things, sometimes a texture."""

from __future__ import annotations

import cv2
import numpy as np

from edgedf.data.synth.draws import chance, uniform
from edgedf.data.synth.paint import F32, soft_noise, soften, spread


def draw_background(rng: np.random.Generator, side: int) -> F32:
    """A background in linear light, (side, side, 3), 0.003..1."""
    half = side // 2
    tiles = int(rng.integers(2, 6))
    saturation = uniform(rng, 0.1, 0.6)
    wall = _colors(rng, tiles * tiles, saturation).reshape(tiles, tiles, 3)
    room = np.asarray(cv2.resize(wall, (half, half), interpolation=cv2.INTER_CUBIC))
    for _ in range(int(rng.integers(6))):
        _draw_thing(room, rng, saturation)
    room = soften(room, uniform(rng, 0.4, 2.5))
    room = np.asarray(cv2.resize(room, (side, side), interpolation=cv2.INTER_LINEAR))
    if chance(rng, 0.5):
        lattice = int(rng.integers(20, 90))
        texture = soft_noise(rng, side, side, lattice, lattice)
        room *= spread(1 + np.float32(uniform(rng, 0.02, 0.10)) * texture)
    return np.clip(room, 0.003, 1, out=room)


def _colors(rng: np.random.Generator, count: int, saturation: float) -> F32:
    """Random colours (count, 3), pulled towards grey."""
    colors = rng.uniform(0.02, 0.8, (count, 3)).astype(np.float32)
    grey = colors.mean(axis=1, keepdims=True)
    muted: F32 = grey + (colors - grey) * np.float32(saturation)
    return muted


def _draw_thing(room: F32, rng: np.random.Generator, saturation: float) -> None:
    """A box or an oval somewhere, in place."""
    side = room.shape[0]
    color = tuple(float(value) for value in _colors(rng, 1, saturation)[0])
    left, top = (int(value) for value in rng.integers(-side // 8, side, 2))
    width, height = (int(value) for value in rng.integers(side // 20 + 1, side // 2 + 2, 2))
    if chance(rng, 0.5):
        cv2.rectangle(room, (left, top), (left + width, top + height), color, -1)
    else:
        cv2.ellipse(
            room, (left, top), (width // 2 + 1, height // 2 + 1), uniform(rng, 0, 180), 0, 360, color, -1
        )
