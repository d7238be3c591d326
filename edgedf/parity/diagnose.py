"""Why an artifact fails: run it on crops changed in known ways and see which change makes it right.

A cause is only named where it is measured; otherwise nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.parity.compare import logit_scale

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def _planes_as_pixels(crops: U8) -> U8:
    """Crops for a model that reads pixel-interleaved bytes as if they were planes, or the reverse."""
    n, height, width, channels = crops.shape
    planar = crops.transpose(0, 3, 1, 2).reshape(n, height, width, channels)
    return np.ascontiguousarray(planar)


def _pixels_as_planes(crops: U8) -> U8:
    n, height, width, channels = crops.shape
    return np.ascontiguousarray(crops.reshape(n, channels, height, width).transpose(0, 2, 3, 1))


WrongInputs = Callable[[U8], Mapping[str, F32]]

_INPUT_CAUSES: Mapping[str, Callable[[U8], U8]] = MappingProxyType(
    {
        "it expects BGR: red and blue are swapped": lambda crops: np.ascontiguousarray(crops[..., ::-1]),
        "its layout is wrong: it reads planes where pixels lie": _planes_as_pixels,
        "its layout is wrong: it reads pixels where planes lie": _pixels_as_planes,
        "its layout is wrong: rows and columns are swapped": lambda crops: np.ascontiguousarray(
            crops.transpose(0, 2, 1, 3)
        ),
        "it mirrors the picture": lambda crops: np.ascontiguousarray(crops[:, :, ::-1]),
        "it turns the picture upside down": lambda crops: np.ascontiguousarray(crops[:, ::-1]),
        "it inverts the colours": lambda crops: 255 - crops,
    }
)
# A cause counts as found if it brings the error down to this share of what it was, and of the scale; or,
# where weights are rounded, to a tenth of what it was and within what the gate allows.
_EXPLAINED, _ROUNDED = 0.01, 0.1
# Logits that vary this much less than they should hardly see the picture any more.
_BLIND = 0.1


def diagnose(
    run: Callable[[U8], F32],
    got: F32,
    goldens: GoldenSet,
    wrong: WrongInputs | None = None,
    allowed: float = 0.0,
) -> str | None:
    """The measured cause of wrong golden logits, or None if no known cause explains them.

    Args:
        run: the artifact, crops (N, S, S, 3) uint8 -> (N,) float32.
        got: what it answered for the goldens' crops, finite, (N,).
        wrong: what the dense network answers for wrongly prepared inputs, where torch is at hand.
        allowed: the gate's largest error over the logit scale.
    """
    expected = goldens.logits.astype(np.float64)
    scale, error = logit_scale(goldens.logits), _error(got, expected)
    limit = max(_EXPLAINED * min(error, scale), min(_ROUNDED * error, allowed * scale))
    for cause, change in _output_causes(got).items():
        if _explains(change, expected, limit):
            return cause
    for cause, changed in _INPUT_CAUSES.items():
        if _explains(run(changed(goldens.crops_nhwc)).astype(np.float64), expected, limit):
            return cause
    for cause, answers in (wrong(goldens.crops_nhwc) if wrong else {}).items():
        if _explains(got.astype(np.float64), answers.astype(np.float64), limit):
            return cause
    # In float32 the squares of large logits overflow.
    if float(np.std(got.astype(np.float64))) < _BLIND * float(np.std(expected)):
        return "its answers hardly depend on the picture: the input is scaled or normalised twice"
    return None


def _output_causes(got: F32) -> dict[str, npt.NDArray[np.float64]]:
    value = got.astype(np.float64)
    causes = {"its sign is wrong: it answers real where it should answer fake": -value}
    if bool(((value > 0) & (value < 1)).all()):
        causes["it answers scores (after a sigmoid), not logits"] = np.log(value / (1 - value))
    return causes


def _error(got: npt.NDArray[np.floating], expected: npt.NDArray[np.float64]) -> float:
    return float(np.abs(got - expected).max())


def _explains(got: npt.NDArray[np.float64], expected: npt.NDArray[np.float64], limit: float) -> bool:
    if got.shape != expected.shape or not bool(np.isfinite(got).all()):
        return False
    return _error(got, expected) <= limit
