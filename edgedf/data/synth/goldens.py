"""Faces of the benchmark without a folder: for golden images and for the evaluation of shipped tickets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from edgedf.contract import Contract
from edgedf.crop import Box
from edgedf.data.cropset import CropSet, crop_sample, labels_of
from edgedf.data.pictures import decode_picture
from edgedf.data.sample import FAKE, REAL, Sample
from edgedf.data.synth.paint import U8
from edgedf.data.synth.pair import Picture, render_pair

DEFAULT_SIDE = 176


def golden_faces(count: int, seed: int) -> list[tuple[U8, Box]]:
    """`count` pictures, real and fake in turn: RGB uint8 (176, 176, 3) and the face box.

    The people are in no split of any folder.
    """
    return [(decode_picture(p.jpeg), p.box) for p in islice(_pictures(seed, "golden", DEFAULT_SIDE), count)]


def evaluation_crops(contract: Contract, *, count: int, seed: int, side: int = DEFAULT_SIDE) -> CropSet:
    """Crops of `count` pictures of people who are in no folder, real and fake in turn, in memory.

    Args:
        contract: says how to crop.
        side: side of the pictures in pixels before they are cropped.
    """
    crops = np.empty((count, contract.size, contract.size, 3), np.uint8)
    samples = []
    for number, picture in enumerate(islice(_pictures(seed, "evaluation", side), count)):
        crops[number] = crop_sample(decode_picture(picture.jpeg), picture.box, contract)
        label = REAL if picture.kind == "real" else FAKE
        name = f"evaluation/{number:06d}.jpg"
        samples.append(Sample(name, label, picture.box, picture.identity, picture.kind))
    crops.flags.writeable = False
    return CropSet(crops, labels_of(samples), tuple(samples))


def _pictures(seed: int, split: str, side: int) -> Iterator[Picture]:
    number = 0
    while True:
        yield from render_pair(seed, split, number, side)
        number += 1
