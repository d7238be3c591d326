"""A set of crops in memory or memory-mapped: what training, evaluation and golden vectors read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgedf.contract import Contract
from edgedf.crop import U8, Box, crop_face, whole_picture_box
from edgedf.data.sample import Sample


@dataclass(frozen=True, slots=True)
class CropSet:
    """Crops of one split, made by the contract's crop.

    Attributes:
        crops_nhwc: uint8 (N, S, S, 3) RGB, read-only; a memory map when it comes from the cache.
        labels: uint8 (N,), 1 for fake.
        samples: what each crop is of, in the same order.
    """

    crops_nhwc: U8
    labels: U8
    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)


def crop_sample(image_hwc: U8, box: Box | None, contract: Contract) -> U8:
    """The contract's crop (S, S, 3) of an upright RGB picture; box None takes the largest centred square.

    Raises CropError if the box makes no sense.
    """
    if box is None:
        height, width = image_hwc.shape[:2]
        box = whole_picture_box(width, height, contract.box_scale)
    return crop_face(image_hwc, box, size=contract.size, box_scale=contract.box_scale)


def labels_of(samples: Sequence[Sample]) -> U8:
    """The samples' labels as read-only uint8 (N,)."""
    import numpy as np

    labels = np.array([sample.label for sample in samples], dtype=np.uint8)
    labels.flags.writeable = False
    return labels
