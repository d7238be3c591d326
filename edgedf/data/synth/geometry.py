"""Where things are in the finished picture: the affine placement, landmarks, outline and face box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedf.crop import Box
from edgedf.data.synth.head import NOSE_PARALLAX, PITCH_SHIFT, half_width
from edgedf.data.synth.person import FaceShape
from edgedf.data.synth.shot import Pose, Shot

Points = npt.NDArray[np.float64]
# The canvas hangs this much lower than the face's centre, so that shoulders fit (units).
CANVAS_DROP = 2.0
# The square that OpenCV's frontal Haar cascade draws on these faces, on average over 200 people: from this
# many units above the centre to this share of the way to the chin. `detect` finds faces with that cascade.
_BOX_ABOVE = 45.0
_BOX_BELOW = 0.82


@dataclass(frozen=True, slots=True)
class Placement:
    """From the canvas to the picture.

    Attributes:
        matrix: (2, 3) float64, canvas pixels to picture pixels.
        scale: canvas pixels per unit.
        center: canvas pixel of the canvas's middle, both axes.
    """

    matrix: Points
    scale: float
    center: float

    def to_pixels(self, points: Points) -> Points:
        """Face positions in units (N, 2) as picture pixels."""
        canvas = (points - np.array([0.0, CANVAS_DROP])) * self.scale + self.center
        moved: Points = canvas @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved


def place(pose: Pose, canvas_side: int, side: int, scale: float) -> Placement:
    """Roll, scale and shift about the canvas's middle."""
    angle = np.deg2rad(pose.roll)
    cos, sin = np.cos(angle) * pose.scale, np.sin(angle) * pose.scale
    center = (canvas_side - 1) / 2
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = (side - 1) / 2 + np.array([pose.right, pose.down + 1]) * scale
    shift = middle - turn @ np.array([center, center])
    return Placement(np.column_stack([turn, shift]), scale, center)


def landmarks(shape: FaceShape, shot: Shot) -> Points:
    """Eyes, nose tip and corners of the mouth in units, (5, 2), turned by the pose."""
    points = np.array(
        [
            [-shape.eye_x, shape.eye_y],
            [shape.eye_x, shape.eye_y],
            [0.0, shape.nose_y],
            [-shape.mouth_width, shape.mouth_y],
            [shape.mouth_width, shape.mouth_y],
        ]
    )
    points[2, 0] += shot.pose.yaw * NOSE_PARALLAX
    return _turn(points, shape, shot.pose)


def face_outline(shape: FaceShape, shot: Shot) -> Points:
    """A closed line around the inner face from above the brows to above the chin, (40, 2) units."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    brow = shape.eye_y - shape.brow_gap - shot.expression.brow_raise
    chin = shape.chin + 0.5 * shot.expression.mouth_open
    up, down = 6.5 - brow, chin - 4
    y = np.sin(angle) * np.where(np.sin(angle) < 0, up, down)
    limit = 0.9 * half_width(y.astype(np.float32), shape, chin).astype(np.float64)
    x = np.clip(0.93 * shape.half_width * np.cos(angle), -limit, limit)
    return np.stack([x, y], axis=1)


def face_box(placement: Placement, shape: FaceShape, shot: Shot) -> Box:
    """The square that a face finder would draw: centred on the face, upright whatever the roll."""
    chin = shape.chin + 0.5 * shot.expression.mouth_open
    top, bottom = -_BOX_ABOVE, _BOX_BELOW * chin
    middle = _turn(np.array([[0.0, (top + bottom) / 2]]), shape, shot.pose)
    x, y = placement.to_pixels(middle)[0]
    side = (bottom - top) * placement.scale * shot.pose.scale
    return Box(float(x - side / 2), float(y - side / 2), float(side), float(side))


def _turn(points: Points, shape: FaceShape, pose: Pose) -> Points:
    """Where yaw and pitch put points of the straight face: the inverse of the grid's u and v, nearly."""
    across, along = points[:, 0] / shape.half_width, points[:, 1] / shape.chin
    x = points[:, 0] + pose.yaw * shape.half_width * (1 - np.minimum(1, across**2))
    y = points[:, 1] + pose.pitch * PITCH_SHIFT * (1 - np.minimum(1, along**2))
    return np.stack([x, y], axis=1)
