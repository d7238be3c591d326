"""At a build the gate knows the weights that an artifact stores, and so can ask for more than a bundle does.

A bundle's tolerances leave room for rounded weights and for the processors of phones. The machine that
builds needs neither: an artifact must compute what its own weights say, up to the rounding of its arithmetic.
Where that arithmetic is int8, whose rounding would hide a weight, the artifact's float32 arithmetic is asked.
A wrong weight that the bundle's tolerances would let through is found that way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.parity_record import CONVERSION, CONVERSION_LIMIT
from edgedf.parity.compare import difference
from edgedf.parity.gate import Check, failed, passed
from edgedf.parity.values import rounded

F32 = npt.NDArray[np.float32]


def check_conversion(got: F32, stored: F32, goldens: GoldenSet) -> Check:
    """Whether `got` agrees with `stored` within CONVERSION_LIMIT of the goldens' logit scale.

    Args:
        got: the artifact's golden logits, finite, (N,), activations not rounded.
        stored: what the compacted network answers with the weights as the artifact stores them, (N,); the
            goldens' own logits where nothing is rounded.
    """
    found = difference(stored, got, goldens.contract)
    error = found.max_relative
    against = "" if np.array_equal(stored, goldens.logits) else " against its own rounded weights"
    detail = f"max error{against} {error:.2e}, allowed {CONVERSION_LIMIT:.0e} at a build"
    if error <= CONVERSION_LIMIT:
        return passed(CONVERSION, detail, measured=rounded(error), allowed=CONVERSION_LIMIT)
    lines = [
        f"{goldens.pictures[i].name} (index {i}): {got[i]:.6g}, its weights give {stored[i]:.6g}"
        for i in map(int, np.argsort(-found.errors, kind="stable"))
        if found.errors[i] / found.scale > CONVERSION_LIMIT
    ]
    detail = f"{detail}; {len(lines)} of {len(got)} goldens, worst {lines[0]}"
    return failed(CONVERSION, detail, lines, measured=rounded(error), allowed=CONVERSION_LIMIT)
