"""Four ways to forge a face, each a true manipulation of a rendered picture.

swap: another person's face, aligned by landmarks, colour-matched, through a generator, blended in.
self-blend: the person's own face, slightly moved and recoloured, from another camera, blended in.
reenactment: mouth, eyes or the face warped, through a generator, blended in.
upsampling: the person's own face through a generator, blended in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from edgedf.data.synth.camera import Camera, draw_camera, draw_other_camera, grain, sharpen, take
from edgedf.data.synth.draws import uniform
from edgedf.data.synth.masks import Points, eyes_mask, face_mask, mouth_mask
from edgedf.data.synth.paint import F32, per_channel, spread
from edgedf.data.synth.person import Person
from edgedf.data.synth.scene import Scene, render
from edgedf.data.synth.shot import Shot, similar_shot
from edgedf.data.synth.traces import through_generator

COLOR_JITTER = 0.05
OPACITY = (0.92, 1.0)
GENERATOR_SHARPEN = 1.6
GENERATOR_NOISE = (0.5, 1.8)
WARP_PIXELS = (2.2, 5.0)
_REFERENCE_SIDE = 160


@dataclass(frozen=True, slots=True)
class Target:
    """What a forger starts from: the person and moment, its clean picture, the camera that took it."""

    person: Person
    shot: Shot
    scene: Scene
    camera: Camera

    @property
    def side(self) -> int:
        """Side of the picture in pixels."""
        return int(self.scene.picture.shape[0])

    @property
    def scale(self) -> float:
        """Pixels per pixel of a 160 px picture, in which lengths here are given."""
        return self.side / _REFERENCE_SIDE


@dataclass(frozen=True, slots=True)
class Forgery:
    """A forged picture (side, side, 3), not compressed yet, and the mask (side, side) of what changed."""

    picture: F32
    mask: F32


# A forger gets the target and the person whose face it may take; returns the new face and its mask.
_Forger = Callable[[Target, Person, np.random.Generator], tuple[F32, F32]]


def forge(
    kind: str, person: Person, other: Person, shot: Shot, scene: Scene, rng: np.random.Generator
) -> Forgery:
    """A fake of `scene`, which shows `person` at `shot`; `other` is whose face a swap takes.

    Args:
        kind: one of KINDS.
    """
    target = Target(person, shot, scene, draw_camera(rng))
    taken = take(scene.picture, target.camera, rng)
    face, mask = _FORGERS[kind](target, other, rng)
    return Forgery(taken + spread(mask) * (face - taken), mask)


def _swap(target: Target, other: Person, rng: np.random.Generator) -> tuple[F32, F32]:
    source = render(other, similar_shot(target.shot, rng), target.side, face_only=True)
    face = _warp(source.picture, _similarity(source.landmarks, target.scene.landmarks))
    mask = face_mask(target.scene, rng)
    face = _match_color(face, target.scene.picture, mask, uniform(rng, 0.6, 1.0))
    face = _generated(_jitter_color(face, COLOR_JITTER, rng), target, rng)
    return face, mask * np.float32(uniform(rng, *OPACITY))


def _self_blend(target: Target, other: Person, rng: np.random.Generator) -> tuple[F32, F32]:
    del other
    mask = face_mask(target.scene, rng)
    center = target.scene.outline.mean(axis=0)
    matrix = np.diag(1 + rng.uniform(-0.03, 0.03, 2))
    shift = center - matrix @ center + rng.uniform(-2, 2, 2) * target.scale
    face = _warp(target.scene.picture, np.column_stack([matrix, shift]))
    face = _jitter_color(face, 1.8 * COLOR_JITTER, rng)
    face = take(face, draw_other_camera(target.camera, rng), rng)
    return face, mask * np.float32(uniform(rng, *OPACITY))


def _reenact(target: Target, other: Person, rng: np.random.Generator) -> tuple[F32, F32]:
    del other
    scene = target.scene
    part = ("mouth", "eyes", "face")[int(rng.choice(3, p=(0.45, 0.2, 0.35)))]
    if part == "mouth":
        mask, points = mouth_mask(scene, rng), scene.landmarks[3:5]
    elif part == "eyes":
        mask, points = eyes_mask(scene, rng), scene.landmarks[:2]
    else:
        mask, points = face_mask(scene, rng), scene.landmarks
    return _generated(_push(scene.picture, points, target.scale, rng), target, rng), mask


def _upsample(target: Target, other: Person, rng: np.random.Generator) -> tuple[F32, F32]:
    del other
    mask = face_mask(target.scene, rng)
    return _generated(_jitter_color(target.scene.picture, COLOR_JITTER / 2, rng), target, rng), mask


_FORGERS: Mapping[str, _Forger] = MappingProxyType(
    {"swap": _swap, "self-blend": _self_blend, "reenactment": _reenact, "upsampling": _upsample}
)
# Kind of forgery -> its share among the fakes.
KINDS: Mapping[str, float] = MappingProxyType(
    {"swap": 0.35, "self-blend": 0.20, "reenactment": 0.25, "upsampling": 0.20}
)


def _generated(face: F32, target: Target, rng: np.random.Generator) -> F32:
    """A face as a generator gives it back, sharpened, with about the grain of the picture it goes into."""
    made = sharpen(through_generator(face, rng), uniform(rng, 0, GENERATOR_SHARPEN), 1.3)
    noise = target.camera.noise * uniform(rng, *GENERATOR_NOISE)
    return made + grain(rng, target.side, noise, target.camera.grain)


def _similarity(source: Points, target: Points) -> Points:
    """The rotation, scale and shift (2, 3) that brings landmarks `source` nearest to `target` (Umeyama)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    # In complex numbers the best similarity is a plain quotient.
    za, zb = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    turn = np.vdot(za, zb) / np.vdot(za, za)
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([matrix, target.mean(axis=0) - matrix @ source.mean(axis=0)])


def _warp(picture: F32, matrix: Points) -> F32:
    side = picture.shape[0]
    return np.asarray(
        cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    )


def _jitter_color(picture: F32, amount: float, rng: np.random.Generator) -> F32:
    """Gains per channel and together, and a small offset."""
    gain = 1 + rng.normal(0, amount, 3) + rng.normal(0, amount)
    return per_channel(picture, gain.astype(np.float32)) + np.float32(rng.normal(0, amount / 2))


def _match_color(face: F32, scene: F32, mask: F32, share: float) -> F32:
    """Move mean and spread of the face's colours by `share` of the way to the scene's, inside the mask."""
    inside = (mask > 0.5).astype(np.uint8)
    mean, spread = (part.ravel() for part in cv2.meanStdDev(face, mask=inside))
    want_mean, want_spread = (part.ravel() for part in cv2.meanStdDev(scene, mask=inside))
    gain = 1 + share * (np.clip(want_spread / np.maximum(spread, 1e-3), 0.6, 1.6) - 1)
    offset = mean + share * (want_mean - mean) - mean * gain
    return per_channel(face, gain.astype(np.float32), offset.astype(np.float32))


def _push(picture: F32, points: Points, scale: float, rng: np.random.Generator) -> F32:
    """Push the picture around each point by a few pixels, fading with distance."""
    side = picture.shape[0]
    axis = np.arange(side, dtype=np.float32)
    across, along = np.tile(axis, (side, 1)), np.tile(axis[:, None], (1, side))
    for x, y in points:
        reach = uniform(rng, 6, 11) * scale
        by = rng.uniform(*WARP_PIXELS, 2) * rng.choice([-1.0, 1.0], 2) * scale
        row = np.exp(-0.5 * ((axis - np.float32(y)) / np.float32(reach)) ** 2)
        column = np.exp(-0.5 * ((axis - np.float32(x)) / np.float32(reach)) ** 2)
        near = np.outer(row, column)
        across += near * np.float32(by[0])
        along += near * np.float32(by[1])
    return np.asarray(cv2.remap(picture, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
