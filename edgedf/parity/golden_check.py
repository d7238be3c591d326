"""Check the goldens themselves: against the contract, the crop core, and their own power to tell."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.contract import Contract
from edgedf.errors import CropError
from edgedf.parity.compare import difference
from edgedf.parity.gate import Check, Report, failed, not_run, one_line, passed
from edgedf.parity.golden import golden_crop
from edgedf.parity.values import contrast, contrast_problem, rounded

F32 = npt.NDArray[np.float32]
# Of the logit scale: a last bit of float32 is 6e-8, the loosest tolerance of an artifact's values 0.2.
GOLDEN_LIMIT = 1e-5


def check_goldens(goldens: GoldenSet, contract: Contract) -> Report:
    """The goldens belong to this contract, can tell artifacts apart, and their crops are equal to the bit."""
    checks = (
        _check_contract(goldens.contract, contract),
        _check_contrast(goldens),
        _check_crops(goldens),
    )
    return Report(subject="goldens", checks=checks, metrics={"pictures": len(goldens.pictures)})


def contract_differences(contract: Contract, other: Contract) -> tuple[tuple[str, Any, Any], ...]:
    """("contract.FIELD", its value, the other's value) of every field that differs."""
    pairs = (
        (f"contract.{field.name}", getattr(contract, field.name), getattr(other, field.name))
        for field in fields(Contract)
    )
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def check_golden_logits(goldens: GoldenSet, own: F32) -> Check:
    """The goldens' logits are those of the ticket's own network, (N,), up to the rounding of a sum.

    Both are computed in double precision and rounded once, so that another processor or version of PyTorch
    moves a last bit at most.
    """
    found = difference(own, goldens.logits, goldens.contract)
    detail = f"max error of the golden logits {found.max_relative:.2e}, allowed {GOLDEN_LIMIT:.0e}"
    measured = rounded(found.max_relative)
    if found.max_relative <= GOLDEN_LIMIT:
        return passed("logits", detail, measured=measured, allowed=GOLDEN_LIMIT)
    lines = [
        f"{goldens.pictures[i].name} (index {i}): {goldens.logits[i]:.6g}, the ticket gives {own[i]:.6g}"
        for i in map(int, np.argsort(-found.errors, kind="stable"))
        if not found.errors[i] / found.scale <= GOLDEN_LIMIT
    ]
    detail = f"changed goldens: {detail}; {len(lines)} of {len(own)}, worst {lines[0]}"
    return failed("logits", detail, lines, measured=measured, allowed=GOLDEN_LIMIT)


def _check_contract(stored: Contract, contract: Contract) -> Check:
    differing = [
        f"{name} is {found!r}, the goldens were made with {made!r}"
        for name, found, made in contract_differences(contract, stored)
    ]
    if differing:
        return failed("contract", differing[0], differing)
    return passed("contract", f"sha256 {contract.sha256[:12]}")


def _check_contrast(goldens: GoldenSet) -> Check:
    """What even the tightest tolerance needs; each artifact's values ask for what its own needs."""
    tightest = min(limits.max_logit_error for limits in TOLERANCES.values())
    if problem := contrast_problem(goldens, tightest):
        return not_run("contrast", f"{problem}, so no comparison of them can find a wrong artifact")
    spread = contrast(goldens)
    return passed("contrast", f"contrast of the dense logits {spread:.3g}", measured=rounded(spread))


def _check_crops(goldens: GoldenSet) -> Check:
    wrong = []
    for index, (picture, expected) in enumerate(zip(goldens.pictures, goldens.crops_nhwc, strict=True)):
        try:
            crop = golden_crop(picture, goldens.contract)
        except CropError as error:
            wrong.append(f"golden {picture.name} (index {index}): {one_line(error)}")
            continue
        if not np.array_equal(crop, expected):
            count = int((crop != expected).sum())
            wrong.append(f"golden {picture.name} (index {index}): {count} bytes of the crop differ")
    if wrong:
        return failed("crops", f"{len(wrong)} of {len(goldens.pictures)} crops differ; {wrong[0]}", wrong)
    return passed("crops", f"{len(goldens.pictures)} crops equal to the bit")
