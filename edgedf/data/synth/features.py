"""Eyes, brows, mouth and spectacles, painted into the skin's colour where they are."""

from __future__ import annotations

import numpy as np

from edgedf.data.synth.head import FaceGrid
from edgedf.data.synth.paint import F32, bell, blend, cover, soft_noise, soften, window
from edgedf.data.synth.person import FaceShape, Person
from edgedf.data.synth.shot import Expression, Light

_EYE_WHITE = np.array([0.66, 0.62, 0.58], np.float32)
_TEETH = np.array([0.62, 0.58, 0.50], np.float32)
_THROAT = np.array([0.03, 0.008, 0.008], np.float32)
_FRAME = np.array([0.02, 0.02, 0.025], np.float32)


def draw_mouth(color: F32, grid: FaceGrid, person: Person, expression: Expression) -> None:
    """Lips, the gap between them and teeth, onto `color` (3, H, W)."""
    shape, gap = person.shape, expression.mouth_open
    rows = window(grid.v, shape.mouth_y - 9, shape.mouth_y + gap + 12)
    columns = window(grid.u, -shape.mouth_width - 2, shape.mouth_width + 2)
    target, v, u = color[:, rows, columns], grid.v[rows][:, None], grid.u[columns]
    across = u / np.float32(shape.mouth_width)
    inside = np.clip(1 - across * across, 0, 1)
    # A smile lifts the corners; the upper lip has a dip in the middle.
    line = np.float32(shape.mouth_y) - np.float32(1.3 * expression.smile) * across * across
    bow = 1 - np.float32(0.3) * bell(u, 0, 2.2)
    top = line - np.float32(shape.upper_lip) * inside ** np.float32(0.8) * bow
    opening = np.float32(gap) * np.clip(1 - (across / np.float32(0.9)) ** 2, 0, 1)
    bottom = line + opening + np.float32(shape.lower_lip) * inside ** np.float32(0.7)
    lips = _between(v, top, bottom, 0.7 * grid.scale) * (np.abs(across) < 1)
    blend(target, soften(lips, 0.7) * np.float32(0.85), person.lips)
    dark = _between(v, line - np.float32(0.5), line + opening + np.float32(0.5), grid.scale)
    blend(target, dark * (np.abs(across) < 0.97) * np.float32(0.85), _THROAT)
    if gap > 2:
        depth = np.minimum(opening * np.float32(0.55), np.float32(3.2))
        teeth = _between(v, line + np.float32(0.3), line + depth, grid.scale)
        blend(target, teeth * (np.abs(across) < 0.75) * np.float32(0.8), _TEETH)


def draw_eyes(color: F32, grid: FaceGrid, person: Person, expression: Expression, light: Light) -> None:
    """Both eyes with lids, lashes, iris, pupil and the lamp's reflection, onto `color` (3, H, W)."""
    for side in (-1, 1):
        _draw_eye(color, grid, person, expression, light, side)


def _draw_eye(
    color: F32, grid: FaceGrid, person: Person, expression: Expression, light: Light, side: int
) -> None:
    shape = person.shape
    rows = window(grid.v, shape.eye_y - 9, shape.eye_y + 7)
    columns = window(grid.u, side * shape.eye_x - 12, side * shape.eye_x + 12)
    target, v = color[:, rows, columns], grid.v[rows][:, None]
    du = grid.u[columns] - np.float32(side * shape.eye_x)
    across = np.abs(du) / np.float32(shape.eye_width)
    lens = np.clip(1 - across * across, 0, 1)
    open_by = np.float32(shape.eye_height * expression.lid)
    middle = np.float32(shape.eye_y) - np.float32(shape.eye_tilt * side) * du
    upper = middle - open_by * lens ** np.float32(0.75)
    lower = middle + np.float32(0.55) * open_by * lens
    ball = _eyeball(v, du, upper, person, expression, light)
    blend(target, _between(v, upper, lower, grid.scale) * (across < 1), ball)
    lashes = np.float32(0.8) * bell(v - upper[None], -0.3, 0.9) * (across < 1.12)
    lashes += np.float32(0.35) * bell(v - lower[None], 0.4, 0.8) * (across < 1)
    crease = np.float32(0.28) * bell(v - (upper - np.float32(3.0))[None], 0, 1.1) * (across < 1.05)
    blend(target, np.clip(lashes + crease, 0, 0.9), person.skin * np.float32(0.05))


def _eyeball(v: F32, du: F32, upper: F32, person: Person, expression: Expression, light: Light) -> F32:
    """Colour of the eye between its lids, (3, h, w)."""
    dx = (du - np.float32(expression.gaze_x))[None]
    dy = v - np.float32(person.shape.eye_y + expression.gaze_y)
    distance = np.sqrt(dx * dx + (dy + np.float32(0.4)) ** 2)
    radius = 0.5 * person.shape.eye_height + 2.1
    iris = cover(np.float32(radius) - distance)
    pupil = cover(np.float32(0.45 * radius) - distance)
    ball = _EYE_WHITE[:, None, None] + iris * (person.iris - _EYE_WHITE)[:, None, None]
    under_lid = np.float32(0.55) + np.float32(0.45) * np.clip((v - upper[None]) / np.float32(3.5), 0, 1)
    ball *= (1 - np.float32(0.95) * pupil) * under_lid
    glint_x = np.float32(1.3 if light.azimuth >= 0 else -1.3)
    glint = np.float32(1.5) - np.sqrt((dx - glint_x) ** 2 + (dy + np.float32(1.9)) ** 2)
    return ball + np.float32(0.8) * np.clip(glint, 0, 1)


def draw_brows(
    color: F32, grid: FaceGrid, person: Person, expression: Expression, rng: np.random.Generator
) -> None:
    """Both eyebrows onto `color` (3, H, W)."""
    shape = person.shape
    brow_y = shape.eye_y - shape.brow_gap - expression.brow_raise
    rows = window(grid.v, brow_y - 8, brow_y + 7)
    hair = person.hair * np.float32(0.6) + person.skin * np.float32(0.03)
    for side in (-1, 1):
        columns = window(grid.u, side * shape.eye_x - 14, side * shape.eye_x + 14)
        du = grid.u[columns] - np.float32(side * (shape.eye_x + 0.5))
        across = du / np.float32(shape.brow_width)
        line = np.float32(brow_y) - np.float32(shape.brow_arch) * (1 - across * across)
        line += np.float32(shape.brow_tilt * side) * du
        thick = np.float32(shape.brow_thickness) * (1 - np.float32(0.45) * np.clip(across * side, 0, 1))
        alpha = cover(
            (thick[None] - np.abs(grid.v[rows][:, None] - line[None])) * np.float32(0.8 * grid.scale)
        )
        alpha *= np.clip((1 - np.abs(across)) * 5, 0, 1) * np.float32(shape.brow_density)
        strands = soft_noise(rng, alpha.shape[0], alpha.shape[1], 7, 15)
        alpha *= np.clip(1 + np.float32(0.3) * strands, 0.4, 1.15)
        blend(color[:, rows, columns], np.clip(alpha, 0, 1), hair)


def glasses_cover(grid: FaceGrid, shape: FaceShape) -> tuple[slice, F32]:
    """Opacity of a spectacle frame and the rows of the face's grid that it covers."""
    rows = window(grid.y, shape.eye_y - 16, shape.eye_y + 20)
    y = (grid.y[rows] - np.float32(shape.eye_y + 1))[:, None] / np.float32(0.78 * shape.lens)
    alpha = np.zeros((len(y), len(grid.u)), np.float32)
    for side in (-1, 1):
        x = (grid.u - np.float32(side * shape.eye_x))[None] / np.float32(shape.lens)
        rim = np.abs(np.sqrt(x * x + y * y) - 1) * np.float32(shape.lens)
        np.maximum(alpha, np.clip(np.float32(1.3) - rim, 0, 1), out=alpha)
    bridge = bell(grid.y[rows], shape.eye_y - 1, 0.8)[:, None]
    np.maximum(alpha, bridge * (np.abs(grid.u) < shape.eye_x - shape.lens)[None], out=alpha)
    return rows, alpha * np.float32(0.9)


def frame_color() -> F32:
    """Colour of a spectacle frame, linear light, (3,)."""
    return _FRAME


def _between(v: F32, top: F32, bottom: F32, scale: float) -> F32:
    """Opacity of the band of rows between two curves over the columns."""
    return cover((v - top[None]) * np.float32(scale)) * cover((bottom[None] - v) * np.float32(scale))
