"""Who is in the picture: everything that stays the same from one picture of a person to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgedf.data.synth.draws import between, chance, draw, uniform
from edgedf.data.synth.paint import F32

# Tones from light to dark as sRGB bytes; colours are squared into (roughly) linear light.
_SKIN = ((240, 203, 180), (228, 182, 150), (206, 154, 118), (172, 119, 84), (131, 85, 58), (90, 58, 42))
_HAIR = (
    (20, 17, 16),
    (43, 28, 20),
    (78, 50, 30),
    (132, 95, 52),
    (188, 152, 96),
    (128, 58, 28),
    (158, 157, 155),
)
_IRIS = ((52, 32, 19), (84, 53, 27), (76, 92, 56), (78, 108, 141), (104, 116, 124))
_HAIR_ODDS_LIGHT = (0.24, 0.25, 0.20, 0.11, 0.07, 0.05, 0.08)
_HAIR_ODDS_DARK = (0.70, 0.20, 0.03, 0.01, 0.0, 0.0, 0.06)
BALD, SHORT, BOB, LONG = range(4)
_STYLE_ODDS = (0.1, 0.42, 0.2, 0.28)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceShape:
    """Measures of a face in units (160 to the side of a picture); heights count down from the centre."""

    half_width: float = between(35, 42)
    crown: float = between(56, 64)  # centre to the top of the skull
    chin: float = between(47, 56)  # centre to the tip of the chin
    jaw: float = between(1.9, 3.4)  # exponent of the lower outline: 2 is an ellipse, more is square
    eye_x: float = between(15.5, 19)
    eye_y: float = between(-11.5, -7.5)
    eye_width: float = between(7, 9.2)  # half of it
    eye_height: float = between(2.8, 4.4)
    eye_tilt: float = between(-0.12, 0.12)
    brow_gap: float = between(9, 12.5)  # eye to brow
    brow_width: float = between(9, 12)
    brow_thickness: float = between(1.0, 2.4)
    brow_arch: float = between(0.6, 3.2)
    brow_tilt: float = between(-0.15, 0.15)
    brow_density: float = between(0.55, 0.95)
    nose_y: float = between(9, 14)  # tip
    nose_width: float = between(4.6, 7.2)
    nose_height: float = between(6, 10)
    nose_ridge: float = between(3.0, 4.6)
    mouth_y: float = between(25, 30)
    mouth_width: float = between(11.5, 16.5)
    upper_lip: float = between(1.8, 3.6)
    lower_lip: float = between(2.4, 4.8)
    cheek: float = between(1.5, 4.0)
    chin_bump: float = between(1.5, 4.5)
    hairline: float = between(-46, -36)
    hairline_curve: float = between(-2, 14)
    hair_volume: float = between(2, 9)
    parting: float = between(-20, 20)
    parting_depth: float = between(0, 7)
    blush: float = between(0.02, 0.12)
    eye_bags: float = between(0.05, 0.25)
    smile_lines: float = between(0.03, 0.22)
    lens: float = between(10, 12.5)  # half width of a spectacle lens


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An identity.

    Attributes:
        shape: measures of the face.
        skin, hair, iris, lips: colours in linear light, float32 (3,).
        style: BALD, SHORT, BOB or LONG hair.
        beard, freckles: strength, 0 for none.
        glasses: whether they wear any.
        texture: seed of skin and hair texture.
    """

    shape: FaceShape
    skin: F32
    hair: F32
    iris: F32
    lips: F32
    style: int
    beard: float
    freckles: float
    glasses: bool
    texture: int


def draw_person(rng: np.random.Generator) -> Person:
    """A new identity."""
    tone = uniform(rng, 0, 4.6)
    skin = _between_tones(tone) * rng.uniform(0.93, 1.07, 3).astype(np.float32)
    odds = _HAIR_ODDS_LIGHT if tone < 2.5 else _HAIR_ODDS_DARK
    hair = _linear(_HAIR[int(rng.choice(len(_HAIR), p=odds))]) * np.float32(uniform(rng, 0.75, 1.3))
    iris = _linear(_IRIS[int(rng.integers(5 if tone < 2 else 2))]) * np.float32(uniform(rng, 0.8, 1.2))
    green = uniform(rng, 0.45, 0.72)
    lips = skin * np.array([uniform(rng, 0.75, 1.0), green, green * 1.02], np.float32)
    lips += np.array([0.03, 0.0, 0.005], np.float32)
    return Person(
        shape=draw(FaceShape, rng),
        skin=skin,
        hair=hair,
        iris=iris,
        lips=lips,
        style=int(rng.choice(4, p=_STYLE_ODDS)),
        beard=uniform(rng, 0.15, 0.6) if chance(rng, 0.22) else 0.0,
        freckles=uniform(rng, 0.2, 1.0) if chance(rng, 0.3) else 0.0,
        glasses=chance(rng, 0.08),
        texture=int(rng.integers(1 << 31)),
    )


def _between_tones(tone: float) -> F32:
    """The skin colour at a place between two of the tones."""
    low = int(tone)
    share = np.float32(tone - low)
    return _linear(_SKIN[low]) * (1 - share) + _linear(_SKIN[low + 1]) * share


def _linear(srgb: tuple[int, int, int]) -> F32:
    return (np.array(srgb, np.float32) / np.float32(255)) ** 2
