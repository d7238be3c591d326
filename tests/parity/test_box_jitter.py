"""Box jitter: what is counted, on a detector whose answer follows from the crop in a way one can see."""

from __future__ import annotations

import numpy as np
import pytest

from edgedf.contract import Contract
from edgedf.crop import Box
from edgedf.parity.jitter import AMPLITUDES, box_jitter, jittered

CONTRACT = Contract(size=32, box_scale=1.0)


def _brightness(crops_nhwc: np.ndarray) -> np.ndarray:
    """Logits above 0, so fake, where a crop is brighter than the middle."""
    return (crops_nhwc.mean(axis=(1, 2, 3)) - 127.5).astype(np.float32)


def _edge(left: int, right: int) -> np.ndarray:
    """A picture of 200 x 200 whose left half has one value and whose right half another."""
    picture = np.full((200, 200, 3), left, np.uint8)
    picture[:, 100:] = right
    return picture


def test_the_26_boxes_move_and_grow_by_the_amplitude_around_the_same_centre() -> None:
    boxes = jittered(Box(50, 60, 40, 20), 0.1)
    assert len({(b.x, b.y, b.width, b.height) for b in boxes}) == 26
    centres = {(round(b.x + b.width / 2, 9), round(b.y + b.height / 2, 9)) for b in boxes}
    assert centres == {(x, y) for x in (66, 70, 74) for y in (68, 70, 72)}
    assert {round(b.width, 9) for b in boxes} == {36, 40, 44}


def test_a_flat_picture_changes_nothing() -> None:
    rows = box_jitter(_brightness, CONTRACT, [(_edge(200, 200), Box(60, 60, 80, 80))], labels=[0])
    assert [row.amplitude for row in rows] == list(AMPLITUDES)
    for row in rows:
        assert (row.boxes, row.flips, row.max_spread, row.rms_change) == (26, 0, 0.0, 0.0)
        assert (row.accuracy, row.true_accuracy) == (0.0, 0.0)


def test_flips_and_accuracy_are_counted_apart() -> None:
    # Two thirds of the pixels dark, one third bright: moving by 15% of the box does not reach the middle.
    # Just over half dark: every box that moves right, nine of them, turns the verdict to fake.
    pictures = [(_edge(0, 255), Box(33, 60, 100, 80)), (_edge(0, 255), Box(49, 60, 100, 80))]
    rows = box_jitter(_brightness, CONTRACT, pictures, labels=[0, 1])
    for row in rows:
        assert (row.boxes, row.flips) == (52, 9)
        assert row.true_accuracy == 0.5  # the second is called real
        assert row.accuracy == pytest.approx((26 + 9) / 52)


def test_without_labels_there_is_no_accuracy() -> None:
    row = box_jitter(_brightness, CONTRACT, [(_edge(0, 255), Box(60, 60, 80, 80))])[0]
    assert (row.accuracy, row.true_accuracy) == (None, None)
    assert row.to_json()["accuracy"] is None
