"""One real picture and one fake of the same moment: the unit the benchmark is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from edgedf.crop import Box
from edgedf.data.sample import IDENTITY_JOIN
from edgedf.data.synth.camera import draw_camera, finish, take
from edgedf.data.synth.draws import uniform
from edgedf.data.synth.forgery import KINDS, forge
from edgedf.data.synth.paint import U8
from edgedf.data.synth.person import Person, draw_person
from edgedf.data.synth.scene import render
from edgedf.data.synth.shot import draw_shot

# Split -> its people: enough that a detector cannot learn them by heart. Beside the three splits of a
# folder there are two that are only ever in memory: for evaluation without a folder and for golden images.
PEOPLE: Mapping[str, int] = MappingProxyType(
    {"train": 600, "validation": 150, "test": 200, "evaluation": 200, "golden": 60}
)
BOX_SHIFT = 0.03
BOX_GROWTH = 0.06
# First words of the seeds of people and of pairs, so that no two of our generators start alike.
_PEOPLE_SEED, _PAIR_SEED = 71, 72


@dataclass(frozen=True, slots=True)
class Picture:
    """One finished picture of the benchmark.

    Attributes:
        jpeg: the file's bytes.
        box: the face, moved and grown at random by a few percent as a face finder's would be.
        identity: people in it, such as "test-0007" or "test-0007+test-0031".
        kind: "real" or a kind of forgery.
        mask: uint8 (side, side), how much of each pixel was changed; None for a real picture.
    """

    jpeg: bytes
    box: Box
    identity: str
    kind: str
    mask: U8 | None


def render_pair(seed: int, split: str, number: int, side: int) -> tuple[Picture, Picture]:
    """The real and the fake picture of pair `number` of a split; depends on the arguments alone.

    Args:
        seed: the benchmark's seed, at least 0.
        split: a key of PEOPLE; each has its own people.
        side: side of the pictures in pixels.
    """
    place = list(PEOPLE).index(split)
    rng = np.random.default_rng([seed, _PAIR_SEED, place, number])
    who = int(rng.integers(PEOPLE[split]))
    whose = (who + 1 + int(rng.integers(PEOPLE[split] - 1))) % PEOPLE[split]
    person, other = _person(seed, place, who), _person(seed, place, whose)
    shot = draw_shot(rng)
    scene = render(person, shot, side)
    kind = list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]
    real = finish(take(scene.picture, draw_camera(rng), rng), rng)
    forgery = forge(kind, person, other, shot, scene, rng)
    fake = finish(forgery.picture, rng)
    name, other_name = f"{split}-{who:04d}", f"{split}-{whose:04d}"
    people = name if kind != "swap" else f"{name}{IDENTITY_JOIN}{other_name}"
    mask = np.round(255 * forgery.mask).astype(np.uint8)
    return (
        Picture(real, _jittered(scene.box, rng), name, "real", None),
        Picture(fake, _jittered(scene.box, rng), people, kind, mask),
    )


@lru_cache(maxsize=2048)
def _person(seed: int, place: int, number: int) -> Person:
    return draw_person(np.random.default_rng([seed, _PEOPLE_SEED, place, number]))


def _jittered(box: Box, rng: np.random.Generator) -> Box:
    """The box moved and grown a little, rounded to a hundredth of a pixel."""
    side = box.width * (1 + uniform(rng, -BOX_GROWTH, BOX_GROWTH))
    x = box.x + box.width / 2 + box.width * uniform(rng, -BOX_SHIFT, BOX_SHIFT)
    y = box.y + box.height / 2 + box.height * uniform(rng, -BOX_SHIFT, BOX_SHIFT)
    return Box(round(x - side / 2, 2), round(y - side / 2, 2), round(side, 2), round(side, 2))
