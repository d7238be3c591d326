"""The head as a surface: outline, height field, and how light falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgedf.data.synth.paint import F32, Blob, cover, paint_blobs, soften
from edgedf.data.synth.person import FaceShape
from edgedf.data.synth.shot import Expression, Light, Pose

# The nose stands out of the face, so turning the head moves it further than the rest, in units per yaw.
NOSE_PARALLAX = 7.0
PITCH_SHIFT = 50.0
_STEEPEST = 3.0


@dataclass(frozen=True, slots=True)
class FaceGrid:
    """The rectangle of pixels around a face.

    Attributes:
        x, y: column and row positions in units, as the outline sees them.
        u, v: the same positions on the face after yaw and pitch: a feature at (ex, ey) is drawn at u = ex.
        chin: centre to chin with the mouth as open as it is, in units.
        nose_x: where the nose's middle is on `u`.
        scale: pixels per unit.
    """

    x: F32
    y: F32
    u: F32
    v: F32
    chin: float
    nose_x: float
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return len(self.y), len(self.x)


def face_grid(x: F32, y: F32, shape: FaceShape, pose: Pose, expression: Expression, scale: float) -> FaceGrid:
    """The grid over columns `x` and rows `y` (units) of a face that is turned by `pose`."""
    chin = shape.chin + 0.5 * expression.mouth_open
    across, along = np.clip(x / shape.half_width, -1, 1), np.clip(y / chin, -1, 1)
    u = x - np.float32(pose.yaw * shape.half_width) * (1 - across * across)
    v = y - np.float32(pose.pitch * PITCH_SHIFT) * (1 - along * along)
    return FaceGrid(x, y, u.astype(np.float32), v.astype(np.float32), chin, pose.yaw * NOSE_PARALLAX, scale)


def half_width(y: F32, shape: FaceShape, chin: float) -> F32:
    """Half the width of the head at heights `y`, units: an ellipse above, a superellipse below the centre."""
    share = np.clip(np.where(y < 0, -y / shape.crown, y / chin), 0, 1)
    power = np.where(y < 0, 2.0, shape.jaw)
    wide: F32 = (shape.half_width * np.sqrt(1 - share**power)).astype(np.float32)
    return wide


def head_cover(grid: FaceGrid, shape: FaceShape) -> F32:
    """Opacity of the head over the grid, soft at its edge."""
    edge = half_width(grid.y, shape, grid.chin)[:, None] - np.abs(grid.x)[None]
    return soften(cover(edge * np.float32(grid.scale)), 0.9)


def head_height(grid: FaceGrid, shape: FaceShape, expression: Expression) -> F32:
    """How far the surface stands towards the camera, in units, (H, W)."""
    wide = half_width(grid.y, shape, grid.chin)
    dome = np.sqrt(np.maximum((wide * wide)[:, None] - (grid.x * grid.x)[None], 0)) * np.float32(0.8)
    dome += paint_blobs(_relief(grid, shape, expression), grid.u, grid.v)
    return soften(dome, 1.1 * grid.scale)


def _relief(grid: FaceGrid, shape: FaceShape, expression: Expression) -> list[Blob]:
    """Nose, sockets, brows, cheeks, lips and chin as bumps and hollows."""
    nose, tip, high, ridge = grid.nose_x, shape.nose_y, shape.nose_height, shape.nose_ridge
    brow = shape.eye_y - shape.brow_gap - expression.brow_raise
    lower = shape.mouth_y + expression.mouth_open
    return [
        Blob(0.40 * high, nose, tip - 18, ridge, 7.0),
        Blob(0.55 * high, nose, tip - 8, ridge, 6.0),
        Blob(0.62 * high, nose, tip - 1, ridge + 0.8, 3.8),
        Blob(2.4, nose - shape.nose_width, tip + 1, 2.4, 2.6),
        Blob(2.4, nose + shape.nose_width, tip + 1, 2.4, 2.6),
        Blob(-4.2, shape.eye_x, shape.eye_y, 8, 6, twin=True),
        Blob(1.3, shape.eye_x, shape.eye_y, 5, shape.eye_height + 1, twin=True),
        Blob(2.4, shape.eye_x - 1, brow + 2, 10, 4, twin=True),
        Blob(shape.cheek, 22, 9, 9, 10, twin=True),
        Blob(1.8, 0, shape.mouth_y - 2.6, 0.55 * shape.mouth_width, 1.8),
        Blob(2.4, 0, lower + 2.8, 0.5 * shape.mouth_width, 2.2),
        Blob(-1.6, 0, lower + 9, 9, 3),
        Blob(shape.chin_bump, 0, grid.chin - 10, 9, 6),
        Blob(-1.2, 0, shape.mouth_y - 8, 2, 4),
    ]


@dataclass(frozen=True, slots=True)
class Shading:
    """Light on the surface: `diffuse` multiplies the skin's colour, `gloss` adds to it; both (H, W)."""

    diffuse: F32
    gloss: F32


def shade(height: F32, light: Light, scale: float) -> Shading:
    """Lambert's law plus a Blinn highlight on a height field in units, `scale` pixels per unit."""
    slope_x = _slope(height, (1, 0), scale)
    slope_y = _slope(height, (0, 1), scale)
    upright = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    toward = light.direction
    lit = np.maximum((toward[2] - slope_x * toward[0] - slope_y * toward[1]) * upright, 0)
    half = toward + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    gloss = np.clip((half[2] - slope_x * half[0] - slope_y * half[1]) * upright, 0, 1)
    for _ in range(4):  # the sixteenth power
        gloss *= gloss
    # Surfaces that turn away also see less of the surroundings.
    around = np.float32(0.62 * light.ambient) + np.float32(0.38 * light.ambient) * upright
    return Shading(around + np.float32(light.diffuse) * lit, np.float32(light.specular) * gloss)


def _slope(height: F32, axis: tuple[int, int], scale: float) -> F32:
    """Units up per unit along one axis, clipped where the dome turns vertical."""
    slope = cv2.Sobel(height, cv2.CV_32F, *axis, ksize=3, scale=scale / 8)
    return np.asarray(np.clip(slope, -_STEEPEST, _STEEPEST))
