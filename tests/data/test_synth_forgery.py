"""The four manipulations: each changes the masked pixels, and only those."""

import numpy as np
import pytest

from edgedf.data.synth import forgery as forgery_module
from edgedf.data.synth.camera import Camera, take
from edgedf.data.synth.forgery import KINDS, forge
from edgedf.data.synth.person import draw_person
from edgedf.data.synth.scene import render
from edgedf.data.synth.shot import draw_shot

SIDE = 128
CLEAN = Camera(noise=1e-6, grain=0.0, blur=0.0, resample=1.0, cubic=False, sharpen=0.0, quality=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_forgery_changes_the_mask_and_nothing_else(
    kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgery_module, "draw_camera", lambda _: CLEAN)
    rng = np.random.default_rng(seed)
    person, other, shot = draw_person(rng), draw_person(rng), draw_shot(rng)
    scene = render(person, shot, SIDE)
    forged = forge(kind, person, other, shot, scene, rng)
    taken = take(scene.picture, CLEAN, np.random.default_rng(0))
    difference = np.abs(forged.picture - taken).max(axis=2)
    assert difference[forged.mask == 0].max() < 1e-4
    assert difference[forged.mask > 0.8].mean() > 1e-3
    assert forged.mask.min() >= 0
    assert forged.mask.max() <= 1
    assert 0.005 < forged.mask.mean() < 0.4


def test_shares_of_kinds_add_up() -> None:
    assert sum(KINDS.values()) == pytest.approx(1.0)


def test_swap_shows_the_other_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """The swapped face is nearer to the other person's own picture than to the target's, inside the mask."""
    monkeypatch.setattr(forgery_module, "draw_camera", lambda _: CLEAN)
    monkeypatch.setattr(forgery_module, "_match_color", lambda face, *_: face)
    monkeypatch.setattr(forgery_module, "_jitter_color", lambda face, *_: face)
    monkeypatch.setattr(forgery_module, "_generated", lambda face, *_: face)
    wins = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        person, other, shot = draw_person(rng), draw_person(rng), draw_shot(rng)
        scene = render(person, shot, SIDE)
        forged = forge("swap", person, other, shot, scene, rng)
        theirs = render(other, shot, SIDE).picture
        inside = forged.mask > 0.8
        to_other = np.abs(forged.picture - theirs)[inside].mean()
        to_target = np.abs(forged.picture - scene.picture)[inside].mean()
        wins += to_other < to_target
    assert wins >= 10


@pytest.mark.parametrize("side", [96, 160, 333, 512])
def test_every_size_renders_the_same_scene(side: int) -> None:
    import cv2

    rng = np.random.default_rng(3)
    person, shot = draw_person(rng), draw_shot(rng)
    scene, small = render(person, shot, side), render(person, shot, 96)
    assert scene.picture.shape == (side, side, 3)
    assert np.isfinite(scene.picture).all()
    assert scene.box.width / side == pytest.approx(small.box.width / 96, rel=1e-6)
    shrunk = cv2.resize(scene.picture, (96, 96), interpolation=cv2.INTER_AREA)
    # Texture differs with the resolution; shapes and light do not.
    assert np.abs(cv2.blur(shrunk - small.picture, (9, 9))).mean() < 0.03


def test_many_people_render_finite_pictures_with_the_face_inside() -> None:
    rng = np.random.default_rng(9)
    for _ in range(250):
        scene = render(draw_person(rng), draw_shot(rng), 96)
        assert np.isfinite(scene.picture).all()
        assert scene.picture.min() >= 0
        assert scene.picture.max() <= 1
        assert scene.box.x > -2
        assert scene.box.x + scene.box.width < 98
        assert (scene.landmarks > 0).all()
        assert (scene.landmarks < 96).all()
