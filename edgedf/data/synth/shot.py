"""When and where the picture is taken: pose, expression, light, surroundings. Two pictures differ here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgedf.data.synth.draws import between, clipped_normal, draw, uniform
from edgedf.data.synth.paint import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the head stands: yaw and pitch as shares of a radian, roll in degrees, shift in units."""

    yaw: float
    pitch: float
    roll: float
    scale: float
    right: float
    down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What the face does; lengths in units."""

    mouth_open: float
    smile: float = between(-1, 3.2)
    brow_raise: float = between(-1.2, 2)
    lid: float = between(0.75, 1.1)  # share of the eye's height that is open
    gaze_x: float = between(-2.2, 2.2)
    gaze_y: float = between(-0.6, 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """One lamp and its surroundings; angles in radians, 0 is from the camera."""

    azimuth: float = between(-1.1, 1.1)
    elevation: float = between(-0.1, 0.9)
    ambient: float = between(0.35, 0.62)
    diffuse: float = between(0.45, 0.85)
    specular: float = between(0.02, 0.16)
    exposure: float = between(0.75, 1.2)

    @property
    def direction(self) -> F32:
        """Unit vector (right, down, towards the camera) to the lamp."""
        flat = np.cos(self.elevation)
        parts = (np.sin(self.azimuth) * flat, -np.sin(self.elevation), np.cos(self.azimuth) * flat)
        return np.array(parts, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One moment: everything about a picture that is not the person.

    Attributes:
        pose, expression, light: see there.
        tint: colour of the light, float32 (3,), about 1.
        cloth: colour of the clothes, linear light, float32 (3,).
        surroundings: seed of background and cloth texture.
    """

    pose: Pose
    expression: Expression
    light: Light
    tint: F32
    cloth: F32
    surroundings: int


def draw_shot(rng: np.random.Generator) -> Shot:
    """A new moment."""
    pose = Pose(
        yaw=clipped_normal(rng, 0.10, 0.22),
        pitch=clipped_normal(rng, 0.05, 0.11),
        roll=clipped_normal(rng, 5.0, 12.0),
        scale=uniform(rng, 0.9, 1.12),
        right=uniform(rng, -5, 5),
        down=uniform(rng, -5, 5),
    )
    return Shot(
        pose=pose,
        expression=_draw_expression(rng),
        light=draw(Light, rng),
        tint=(1 + rng.normal(0, 0.045, 3)).astype(np.float32),
        cloth=rng.uniform(0.02, 0.7, 3).astype(np.float32),
        surroundings=int(rng.integers(1 << 31)),
    )


def similar_shot(shot: Shot, rng: np.random.Generator) -> Shot:
    """A moment in which somebody else stands nearly as in `shot`: what a face swap takes its face from."""
    pose = replace(
        shot.pose,
        yaw=shot.pose.yaw + uniform(rng, -0.04, 0.04),
        pitch=shot.pose.pitch + uniform(rng, -0.03, 0.03),
    )
    expression = replace(shot.expression, smile=shot.expression.smile + uniform(rng, -0.6, 0.6))
    light = replace(shot.light, azimuth=shot.light.azimuth + uniform(rng, -0.35, 0.35))
    return replace(shot, pose=pose, expression=expression, light=light)


def _draw_expression(rng: np.random.Generator) -> Expression:
    # Mouths are mostly shut: the negative half of the draw counts as closed.
    mouth_open = max(0.0, float(rng.normal(-1.0, 3.5)))
    return draw(Expression, rng, mouth_open=mouth_open)
