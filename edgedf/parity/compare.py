"""Compare two ways to compute the same logits: errors on a stated scale, flips, and change of AUC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedf.contract import Contract

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def logit_scale(expected: F32) -> float:
    """What logit errors are divided by: the root mean square of the expected logits, but at least 1.

    A logit of 1 moves a score by at most 0.25, so below that scale an absolute error is the honest one.
    """
    return max(1.0, float(np.sqrt(np.mean(np.square(expected, dtype=np.float64)))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far `got` is from `expected` over N logits.

    Attributes:
        count: N.
        scale: the logit scale the relative errors are divided by.
        max_absolute, rms_absolute: in logits.
        worst: index of the largest error.
        errors: |got - expected| per logit, float64 (N,).
        flips: indices where the decisions differ.
    """

    count: int
    scale: float
    max_absolute: float
    rms_absolute: float
    worst: int
    errors: npt.NDArray[np.float64]
    flips: tuple[int, ...]

    @property
    def max_relative(self) -> float:
        """Largest error over the logit scale."""
        return self.max_absolute / self.scale

    @property
    def rms_relative(self) -> float:
        """Root mean square error over the logit scale."""
        return self.rms_absolute / self.scale


def difference(expected: F32, got: F32, contract: Contract) -> Difference:
    """Compare logits (N,) with N >= 1; decisions by the contract's threshold.

    Callers refuse NaN and infinity by name. One that comes here all the same counts as a flip, and the errors
    are no number: no limit lets them pass.
    """
    with np.errstate(invalid="ignore"):
        errors = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    decided = np.isfinite(expected) & np.isfinite(got)
    flips = np.flatnonzero(~decided | (decisions(expected, contract) != decisions(got, contract)))
    return Difference(
        count=len(expected),
        scale=logit_scale(expected),
        max_absolute=float(errors.max()),
        rms_absolute=float(np.sqrt(np.mean(errors**2))),
        worst=int(errors.argmax()),
        errors=errors,
        flips=tuple(int(index) for index in flips),
    )


def decisions(logits: F32, contract: Contract) -> npt.NDArray[np.bool_]:
    """Which logits (N,) mean fake, decided in double precision by `Contract.is_fake`, as every verdict is."""
    return np.array([contract.is_fake(float(logit)) for logit in logits], np.bool_)


def auc_change(expected: F32, got: F32, labels: U8) -> float | None:
    """AUC(got) - AUC(expected); None if only one class is present, because AUC then means nothing."""
    before, after = auc_of(expected, labels), auc_of(got, labels)
    return None if before is None or after is None else after - before


def auc_of(logits: F32, labels: U8) -> float | None:
    """The area under the ROC curve, 0..1; None if only one class is present."""
    from edgedf.training.metrics import auc

    return auc(logits, labels) if len(np.unique(labels)) > 1 else None
