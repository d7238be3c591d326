"""Check the goldens themselves: against the contract, the crop core, and their own power to tell."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.contract import Contract
from edgedf.errors import CropError
from edgedf.parity.gate import Check, Report, failed, not_run, one_line, passed
from edgedf.parity.golden import golden_crop
from edgedf.parity.values import contrast, contrast_problem, rounded


def check_goldens(goldens: GoldenSet, contract: Contract) -> Report:
    """The goldens belong to this contract, can tell artifacts apart, and their crops are equal to the bit."""
    checks = (
        _check_contract(goldens.contract, contract),
        _check_contrast(goldens),
        _check_crops(goldens),
    )
    return Report(subject="goldens", checks=checks, metrics={"pictures": len(goldens.pictures)})


def _check_contract(stored: Contract, contract: Contract) -> Check:
    differing = [
        f"contract.{field.name} is {getattr(contract, field.name)!r}, "
        f"the goldens were made with {getattr(stored, field.name)!r}"
        for field in fields(Contract)
        if getattr(stored, field.name) != getattr(contract, field.name)
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
