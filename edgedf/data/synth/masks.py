"""Soft masks: which pixels of a fake were changed, 0..1."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from edgedf.data.synth.draws import chance, uniform
from edgedf.data.synth.paint import F32, soften
from edgedf.data.synth.scene import Scene

Points = npt.NDArray[np.float64]
# Blur of a mask's edge in pixels of a 160 px picture.
SOFTNESS = (0.6, 2.2)
_REFERENCE_SIDE = 160


def face_mask(scene: Scene, rng: np.random.Generator) -> F32:
    """The inner face, its outline grown or shrunk and wobbled at random, (side, side)."""
    scale = scene.picture.shape[0] / _REFERENCE_SIDE
    center = scene.outline.mean(axis=0)
    stretch = rng.uniform(0.86, 1.04, 2)
    points = center + (scene.outline - center) * stretch + rng.normal(0, 1.2 * scale, 2)
    angle = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
    wobble = np.zeros(len(points))
    for waves in (2, 3, 4, 5):
        wobble += uniform(rng, 0, 2.2) * np.sin(waves * angle + uniform(rng, 0, 2 * np.pi))
    away = points - center
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return _fill(points + away * (wobble * scale)[:, None], scene.picture.shape[0], rng)


def mouth_mask(scene: Scene, rng: np.random.Generator) -> F32:
    """An oval around the mouth, (side, side)."""
    left, right = scene.landmarks[3:5]
    down = _down(scene)
    scale = scene.picture.shape[0] / _REFERENCE_SIDE
    wide = float(np.linalg.norm(right - left)) * uniform(rng, 0.7, 0.95)
    center = (left + right) / 2 + down * 2 * scale
    return _oval(center, wide, uniform(rng, 11, 16) * scale, down, scene, rng)


def eyes_mask(scene: Scene, rng: np.random.Generator) -> F32:
    """An oval around both eyes, (side, side)."""
    left, right = scene.landmarks[:2]
    scale = scene.picture.shape[0] / _REFERENCE_SIDE
    wide = float(np.linalg.norm(right - left)) * uniform(rng, 0.8, 0.95)
    return _oval((left + right) / 2, wide, uniform(rng, 8, 13) * scale, _down(scene), scene, rng)


def _down(scene: Scene) -> Points:
    """Unit vector from between the eyes to the mouth."""
    down = scene.landmarks[3:5].mean(axis=0) - scene.landmarks[:2].mean(axis=0)
    unit: Points = down / np.linalg.norm(down)
    return unit


def _oval(
    center: Points, wide: float, high: float, down: Points, scene: Scene, rng: np.random.Generator
) -> F32:
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    right = np.array([down[1], -down[0]])
    points = center + np.outer(np.cos(angle) * wide, right) + np.outer(np.sin(angle) * high, down)
    return _fill(points, scene.picture.shape[0], rng)


def _fill(points: Points, side: int, rng: np.random.Generator) -> F32:
    """A filled polygon with a soft edge; half of the masks are soft towards the inside only."""
    mask: F32 = np.zeros((side, side), np.float32)
    # Four bits of sub-pixel position.
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    mask = soften(mask, uniform(rng, *SOFTNESS) * side / _REFERENCE_SIDE)
    if chance(rng, 0.5):
        mask = np.clip((mask - np.float32(0.3)) * np.float32(1 / 0.7), 0, 1)
    return mask
