"""How much a verdict depends on the face box: move and grow it, and watch the score.

Face finders differ between platforms by some percent of the face; this measures what that costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract
from edgedf.crop import Box, crop_face

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

AMPLITUDES = (0.05, 0.10, 0.15)
# Left, stay, right; up, stay, down; shrink, stay, grow: every combination but staying as it is.
_DIRECTIONS = tuple(d for d in product((-1, 0, 1), repeat=3) if any(d))


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterRow:
    """What boxes that are off by one amplitude do to the verdicts.

    Attributes:
        amplitude: share of the box by which it moved along each axis and grew or shrank, 0..1.
        boxes: changed boxes judged.
        flips: those whose decision differs from that of the true box.
        mean_spread, max_spread: largest minus smallest score of a picture, mean and maximum over pictures.
        rms_change: root mean square change of the score, 0..1.
        accuracy: share of the changed boxes whose decision is the picture's label, None without labels.
        true_accuracy: the same of the true boxes.
    """

    amplitude: float
    boxes: int
    flips: int
    mean_spread: float
    max_spread: float
    rms_change: float
    accuracy: float | None
    true_accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "amplitude": self.amplitude,
            "boxes": self.boxes,
            "flips": self.flips,
            "flip_share": self.flips / self.boxes,
            "mean_score_spread": self.mean_spread,
            "max_score_spread": self.max_spread,
            "rms_score_change": self.rms_change,
            "accuracy": self.accuracy,
            "accuracy_of_true_boxes": self.true_accuracy,
        }


def jittered(box: Box, amplitude: float) -> tuple[Box, ...]:
    """The 26 boxes that differ from `box` by `amplitude` of its sides in position, size or both."""
    result = []
    for dx, dy, grow in _DIRECTIONS:
        width, height = box.width * (1 + grow * amplitude), box.height * (1 + grow * amplitude)
        x = box.x + dx * amplitude * box.width + (box.width - width) / 2
        y = box.y + dy * amplitude * box.height + (box.height - height) / 2
        result.append(Box(x, y, width, height))
    return tuple(result)


def box_jitter(
    run: Callable[[U8], F32],
    contract: Contract,
    pictures: Sequence[tuple[U8, Box]],
    *,
    labels: Sequence[int] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[JitterRow, ...]:
    """One row per amplitude of AMPLITUDES, in that order.

    Args:
        run: crops (N, S, S, 3) uint8 -> logits (N,) float32.
        pictures: upright RGB pictures (H, W, 3) uint8 with their true face boxes, at least one.
        labels: 1 for fake and 0 for real per picture, if they are known.
        advance: called once per picture.
    """
    scores = np.empty((len(pictures), len(AMPLITUDES), 1 + len(_DIRECTIONS)))
    fake = np.empty(scores.shape, dtype=bool)
    for number, (rgb_hwc, box) in enumerate(pictures):
        for step, amplitude in enumerate(AMPLITUDES):
            boxes = (box, *jittered(box, amplitude))
            crops = [crop_face(rgb_hwc, b, size=contract.size, box_scale=contract.box_scale) for b in boxes]
            logits = run(np.stack(crops))
            scores[number, step] = [contract.score(float(logit)) for logit in logits]
            fake[number, step] = [contract.is_fake(float(logit)) for logit in logits]
        advance()
    truth = None if labels is None else np.array(labels, dtype=bool)[:, None]
    return tuple(_row(a, scores[:, step], fake[:, step], truth) for step, a in enumerate(AMPLITUDES))


def _row(
    amplitude: float,
    scores: npt.NDArray[np.float64],
    fake: npt.NDArray[np.bool_],
    truth: npt.NDArray[np.bool_] | None,
) -> JitterRow:
    """Scores and decisions (pictures, 1 + directions), the true box first; truth (pictures, 1)."""
    spread = scores.max(axis=1) - scores.min(axis=1)
    change = scores[:, 1:] - scores[:, :1]
    return JitterRow(
        amplitude=amplitude,
        boxes=change.size,
        flips=int((fake[:, 1:] != fake[:, :1]).sum()),
        mean_spread=float(spread.mean()),
        max_spread=float(spread.max()),
        rms_change=float(np.sqrt(np.mean(change**2))),
        accuracy=None if truth is None else float((fake[:, 1:] == truth).mean()),
        true_accuracy=None if truth is None else float((fake[:, :1] == truth).mean()),
    )
