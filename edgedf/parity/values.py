"""Checks of logits against the goldens' and of decisions and AUC on evaluation crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.manifest import Tolerances
from edgedf.contract import Contract
from edgedf.parity.compare import Difference, auc_change, difference, logit_scale
from edgedf.parity.gate import Check, Outcome, failed, not_run, passed

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
# The middle four fifths of the expected logits must spread over this many tolerances: an answer that ignores
# the picture is then off by 2.5 tolerances or more on at least a fifth of the goldens. Not all of them, so
# that no two odd pictures make up the whole contrast.
CONTRAST_TOLERANCES = 5.0
# And over this share of the scale, however tight the tolerance: below it a network hardly sees the picture.
MIN_CONTRAST = 0.01
# Of each class, however loose the limit: AUC over fewer says little about either.
MIN_CLASS_CROPS = 20
# An evaluation crop may be off by this many tolerances. Rounded weights err by another amount on each
# picture, and the largest error of hundreds lies above that of twenty: up to five times on sound artifacts.
CROP_TOLERANCES = 2.0
# Of the goldens, beside many evaluation crops: their number must not hide that the few goldens all differ.
GOLDEN_FLIPS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Crops on which decisions and AUC are compared.

    Attributes:
        crops_nhwc: (N, S, S, 3) uint8 RGB.
        labels: (N,) uint8, fake = 1.
        logits: what the dense network answers, (N,) float32.
        source: where the crops came from, a few words without a path.
    """

    crops_nhwc: U8
    labels: U8
    logits: F32
    source: str


def check_values(got: F32, goldens: GoldenSet, tolerances: Tolerances) -> tuple[Check, Difference | None]:
    """Compare logits with the goldens'; the Difference is None where they cannot be compared."""
    expected = goldens.logits
    if problem := _malformed(got, len(expected)):
        return failed("values", problem, [problem]), None
    if not bool(np.isfinite(got).all()):
        bad = [f"{goldens.pictures[i].name}: {got[i]}" for i in np.flatnonzero(~np.isfinite(got))]
        return failed("values", f"NaN or infinity on {len(bad)} of {len(got)} goldens", bad), None
    found = difference(expected, got, goldens.contract)
    limit = tolerances.max_logit_error
    worst = _line(found.worst, got, goldens)
    detail = f"max error {found.max_relative:.2e}, allowed {limit:.0e} (scale {found.scale:.3g})"
    if found.max_relative <= limit and (problem := contrast_problem(goldens, limit)):
        return not_run("values", problem), found
    if found.max_relative <= limit:
        return passed("values", detail, measured=rounded(found.max_relative), allowed=limit), found
    order = np.argsort(-found.errors, kind="stable")
    lines = [_line(int(i), got, goldens) for i in order if found.errors[i] / found.scale > limit]
    detail = f"{detail}; {len(lines)} of {len(got)} goldens, worst {worst}"
    return failed("values", detail, lines, measured=rounded(found.max_relative), allowed=limit), found


def with_crops(
    values: Check, got: F32, evaluation: Evaluation, crops: Difference, tolerances: Tolerances
) -> Check:
    """`values`, failed where a logit of an evaluation crop is off by more than CROP_TOLERANCES allow.

    Divided by the scale of these crops' own logits, which may be smaller than that of the goldens. Without it
    an artifact could be wrong on every face and agree on patterns, as long as few decisions and no order
    change.
    """
    limit = CROP_TOLERANCES * tolerances.max_logit_error
    if values.outcome is Outcome.FAIL or crops.max_relative <= limit:
        return values
    order = np.argsort(-crops.errors, kind="stable")
    lines = [
        f"evaluation crop {i}: {got[i]:.6g}, expected {evaluation.logits[i]:.6g}"
        for i in map(int, order)
        if not crops.errors[i] / crops.scale <= limit
    ]
    detail = (
        f"max error on evaluation crops {crops.max_relative:.2e}, allowed {limit:.0e} "
        f"(scale {crops.scale:.3g}); {len(lines)} of {crops.count} crops, worst {lines[0]}"
    )
    return failed("values", detail, lines, measured=rounded(crops.max_relative), allowed=limit)


def contrast(goldens: GoldenSet) -> float:
    """How far the expected logits spread: their 90th percentile minus their 10th, in logits."""
    low, high = np.quantile(goldens.logits.astype(np.float64), (0.1, 0.9))
    return float(high - low)


def contrast_problem(goldens: GoldenSet, limit: float) -> str | None:
    """Why agreement within `limit` (an error over the logit scale) means little on these goldens, or None.

    A network that answers alike whatever it sees agrees with anything.
    """
    spread = contrast(goldens)
    least = max(MIN_CONTRAST, CONTRAST_TOLERANCES * limit) * logit_scale(goldens.logits)
    if spread >= least:
        return None
    return (
        f"the dense logits hardly differ between pictures (contrast {spread:.1e}, "
        f"an error of {limit:.0e} needs {least:.1e})"
    )


def check_flips(
    golden: Difference, crops: Difference | None, goldens: GoldenSet, tolerances: Tolerances
) -> Check:
    """The share of golden pictures and evaluation crops whose decision differs.

    Unlike AUC this needs no least number: the fewer decisions, the stricter it is. Below 1 / limit of them it
    allows no flip at all. Of the goldens, which are few, GOLDEN_FLIPS may differ at most.
    """
    count = golden.count + (crops.count if crops else 0)
    flips = len(golden.flips) + (len(crops.flips) if crops else 0)
    names = [f"golden {goldens.pictures[i].name}" for i in golden.flips]
    names += [f"evaluation crop {i}" for i in (crops.flips if crops else ())]
    detail = f"{flips} of {count} decisions differ, allowed {tolerances.flips:.1%}"
    allowed = max(GOLDEN_FLIPS, int(tolerances.flips * golden.count))
    if too_many := len(golden.flips) > allowed:
        detail += f"; {len(golden.flips)} of them are goldens, allowed {allowed}"
    share = flips / count
    make = passed("flips", detail, measured=rounded(share), allowed=tolerances.flips)
    if share <= tolerances.flips and not too_many:
        return make
    return failed("flips", detail, names, measured=rounded(share), allowed=tolerances.flips)


def check_auc(got: F32, evaluation: Evaluation, tolerances: Tolerances) -> Check:
    """The change of AUC on the evaluation crops, if there are enough of them to show one.

    One wrongly ordered pair of a fake and a real crop moves AUC by 1 / (fakes * reals). Where that is more
    than the limit, no change passes nothing; only a change beyond the limit and beyond one pair fails.
    """
    if not bool(np.isfinite(evaluation.logits).all() and np.isfinite(got).all()):
        problem = "NaN or infinity among the logits of the evaluation crops"
        return failed("auc", problem, [problem])
    change = auc_change(evaluation.logits, got, evaluation.labels)
    if change is None:
        return not_run("auc", "the evaluation crops hold one class only")
    limit = tolerances.auc_drop
    count = len(evaluation.labels)
    detail = f"AUC changes by {change:+.5f} on {count} crops ({evaluation.source}), allowed {limit:g}"
    fakes = int(np.count_nonzero(evaluation.labels == 1))
    reals = count - fakes
    one_pair = 1 / (fakes * reals)
    # AUC itself is rounded: a single pair must not look like a bit more than one.
    if abs(change) > max(limit, one_pair * (1 + 1e-9)):
        return failed("auc", detail, [detail], measured=rounded(change), allowed=limit)
    if one_pair > limit or min(fakes, reals) < MIN_CLASS_CROPS:
        return not_run(
            "auc", f"{fakes} fake and {reals} real crops are too few to show a change of {limit:g}"
        )
    return passed("auc", detail, measured=rounded(change), allowed=limit)


def evaluation_difference(got: F32, evaluation: Evaluation, contract: Contract) -> Difference | str:
    """Compare logits of the evaluation crops; a text says why they cannot be compared."""
    if problem := _malformed(got, len(evaluation.logits)):
        return problem
    if not bool(np.isfinite(got).all()):
        return f"NaN or infinity on {int((~np.isfinite(got)).sum())} of {len(got)} evaluation crops"
    if unknown := int((~np.isfinite(evaluation.logits)).sum()):
        return f"the dense network answers NaN or infinity on {unknown} of {len(got)} evaluation crops"
    return difference(evaluation.logits, got, contract)


def metrics(golden: Difference, crops: Difference | None, auc: Check | None) -> dict[str, Any]:
    """The measured numbers that a manifest records, to three digits."""
    return {
        "logit_scale": rounded(golden.scale),
        "max_logit_error": rounded(golden.max_relative),
        "max_logit_error_absolute": rounded(golden.max_absolute),
        "rms_logit_error": rounded(golden.rms_relative),
        "rms_logit_error_absolute": rounded(golden.rms_absolute),
        "goldens": golden.count,
        "golden_flips": len(golden.flips),
        "evaluation_crops": crops.count if crops else 0,
        "evaluation_flips": len(crops.flips) if crops else None,
        # A change that too few crops measured is no measurement: `measured` is None then.
        "auc_change": auc.measured if auc else None,
    }


def rounded(value: float) -> float:
    """`value` to three significant digits."""
    return float(f"{value:.3g}")


def _malformed(got: F32, count: int) -> str | None:
    if got.shape != (count,) or got.dtype != np.float32:
        return f"answers {got.dtype}{list(got.shape)}, expected float32[{count}]"
    return None


def _line(index: int, got: F32, goldens: GoldenSet) -> str:
    name, want = goldens.pictures[index].name, goldens.logits[index]
    return f"{name} (index {index}): {got[index]:.6g}, expected {want:.6g}"
