"""A person at one moment, as a picture of linear light turned into display values, with its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edgedf.crop import Box
from edgedf.data.synth.background import draw_background
from edgedf.data.synth.body import Layer, clothes, ears, neck
from edgedf.data.synth.features import draw_brows, draw_eyes, draw_mouth, frame_color, glasses_cover
from edgedf.data.synth.geometry import Placement, face_box, face_outline, landmarks, place
from edgedf.data.synth.hair import HairMass, draw_fringe, hair_mass
from edgedf.data.synth.head import FaceGrid, face_grid, head_cover, head_height, shade
from edgedf.data.synth.paint import F32, per_channel, window
from edgedf.data.synth.person import BOB, Person
from edgedf.data.synth.shot import Shot
from edgedf.data.synth.skin import skin_color

# Side of a picture in units, and of the canvas that the head is drawn on before it is rolled and shifted.
PICTURE_UNITS = 160
CANVAS_UNITS = 184


@dataclass(frozen=True, slots=True)
class Scene:
    """A rendered moment.

    Attributes:
        picture: (side, side, 3) float32 RGB in 0..1, display values.
        landmarks: (5, 2) float64 pixels: left eye, right eye, nose, left and right corner of the mouth.
        outline: (40, 2) float64 pixels around the inner face, brows to chin.
        box: the true face box in pixels.
    """

    picture: F32
    landmarks: npt.NDArray[np.float64]
    outline: npt.NDArray[np.float64]
    box: Box


def render(person: Person, shot: Shot, side: int, *, face_only: bool = False) -> Scene:
    """Draw a person at one moment.

    Args:
        side: side of the picture in pixels.
        face_only: leave out hair, neck, clothes and background; a swap needs the inner face alone.
    """
    scale = side / PICTURE_UNITS
    rng = np.random.default_rng(person.texture)
    count = round(CANVAS_UNITS * scale)
    x = (np.arange(count, dtype=np.float32) - np.float32((count - 1) / 2)) / np.float32(scale)
    y = x + np.float32(2)
    shape = person.shape
    rows = window(y, -shape.crown - 4, shape.chin + 0.5 * shot.expression.mouth_open + 4)
    columns = window(x, -shape.half_width - 4, shape.half_width + 4)
    grid = face_grid(x[columns], y[rows], shape, shot.pose, shot.expression, scale)
    face = _lit_face(grid, person, shot, rng)
    placement = place(shot.pose, count, side, scale)
    if face_only:
        canvas = _plain_canvas(count, person, shot)
    else:
        canvas = np.zeros((4, count, count), np.float32)
        mass = _draw_body(canvas, x, y, grid, person, shot, rng)
        if mass is not None:
            draw_fringe(face, grid, person, mass, rows, columns, rng)
    _lay(canvas, Layer(rows, columns, face, head_cover(grid, shape)))
    if person.glasses:
        frame_rows, alpha = glasses_cover(grid, shape)
        frame_rows = slice(rows.start + frame_rows.start, rows.start + frame_rows.stop)
        _lay(canvas, Layer(frame_rows, columns, frame_color()[:, None, None], alpha))
    return Scene(
        picture=_develop(_compose(canvas, placement, shot, side, face_only), shot),
        landmarks=placement.to_pixels(landmarks(shape, shot)),
        outline=placement.to_pixels(face_outline(shape, shot)),
        box=face_box(placement, shape, shot),
    )


def _lit_face(grid: FaceGrid, person: Person, shot: Shot, rng: np.random.Generator) -> F32:
    """The face with its features under the shot's light, (3, H, W)."""
    color = skin_color(grid, person, shot.expression, rng)
    draw_mouth(color, grid, person, shot.expression)
    draw_eyes(color, grid, person, shot.expression, shot.light)
    draw_brows(color, grid, person, shot.expression, rng)
    shading = shade(head_height(grid, person.shape, shot.expression), shot.light, grid.scale)
    color *= shading.diffuse
    color += shading.gloss
    return color


def _draw_body(
    canvas: F32, x: F32, y: F32, grid: FaceGrid, person: Person, shot: Shot, rng: np.random.Generator
) -> HairMass | None:
    """Everything that lies behind the face, back to front; returns the hair, which the fringe continues."""
    mass = hair_mass(x, y, person, shot.light, rng, grid.scale)
    if mass is not None:
        _lay(canvas, Layer(mass.rows, mass.columns, mass.color, mass.alpha))
    _lay(canvas, neck(x, y, person, shot.light, grid.chin, rng, grid.scale))
    cloth_rng = np.random.default_rng([shot.surroundings, 1])
    _lay(canvas, clothes(x, y, person, shot, grid.chin, cloth_rng, grid.scale))
    if person.style <= BOB:
        for ear in ears(x, y, person, shot.light):
            _lay(canvas, ear)
    return mass


def _plain_canvas(count: int, person: Person, shot: Shot) -> F32:
    """A canvas filled with the person's skin, so that the edge of a cut-out face stays skin."""
    canvas = np.ones((4, count, count), np.float32)
    lit = np.float32(shot.light.ambient + 0.6 * shot.light.diffuse)
    canvas[:3] = (person.skin * lit)[:, None, None]
    return canvas


def _lay(canvas: F32, layer: Layer) -> None:
    """Composite a layer onto the premultiplied canvas (4, C, C), in place."""
    view = canvas[:, layer.rows, layer.columns]
    view *= 1 - layer.alpha
    view[:3] += layer.alpha * layer.color
    view[3] += layer.alpha


def _compose(canvas: F32, placement: Placement, shot: Shot, side: int, face_only: bool) -> F32:
    """The canvas rolled, scaled and shifted in front of the background: linear light (side, side, 3)."""
    person = np.asarray(
        cv2.warpAffine(
            cv2.merge(list(canvas)),
            placement.matrix,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )
    if face_only:
        return np.asarray(person[:, :, :3])
    background = cv2.split(draw_background(np.random.default_rng(shot.surroundings), side))
    *planes, alpha = cv2.split(person)
    behind = (1 - alpha) * np.float32(shot.light.ambient + 0.5 * shot.light.diffuse)
    channels = [plane + behind * room for plane, room in zip(planes, background, strict=True)]
    return np.asarray(cv2.merge(channels))


def _develop(linear: F32, shot: Shot) -> F32:
    """Display values 0..1: exposure and tint, gamma 2, and a shoulder that keeps highlights from clipping."""
    display = cv2.sqrt(np.maximum(per_channel(linear, shot.tint * np.float32(shot.light.exposure)), 0))
    display = np.minimum(display, np.float32(0.4) + np.float32(0.5) * display)
    return np.asarray(np.minimum(display, 1))
