"""The contract: what goes into a detector and what comes out, exactly.

It travels inside every ticket and every bundle; its hash tells whether two files speak of the same detector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edgedf.errors import ContractError
from edgedf.files import canonical_json, sha256_bytes

CROP_RULE = "edgedf-crop-1"
MAX_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Input and output of one detector. Raises ContractError when built out of range.

    Attributes:
        size: side of the square crop in pixels, 16..1024.
        box_scale: side of the crop square over the longer side of the face box, 1.0..4.0.
        crop: name of the crop rule; only "edgedf-crop-1" exists.
        color: channel order of the crop; only "RGB".
        value_range: what the model's input floats are: the crop's bytes, (0, 255).
        layout: input layout of the reference PyTorch module; an artifact states its own.
        input_name, output_name: tensor names that every artifact carries.
        positive: the class whose probability the score is; only "fake".
        threshold: score at or above which a face is called fake, strictly inside (0, 1).
        temperature: score = sigmoid(logit / temperature); > 0, from calibration.
    """

    size: int
    box_scale: float = 1.3
    crop: str = CROP_RULE
    color: str = "RGB"
    value_range: tuple[int, int] = (0, 255)
    layout: str = "NCHW"
    input_name: str = "input"
    output_name: str = "logit"
    positive: str = "fake"
    threshold: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not _is_int(self.size) or not 16 <= self.size <= MAX_SIZE:
            raise _bad("size", self.size, f"an integer in 16..{MAX_SIZE}")
        for field, low, high in (("box_scale", 1.0, 4.0), ("temperature", 1e-3, 1e3)):
            value = getattr(self, field)
            if not _is_number(value) or not low <= value <= high:
                raise _bad(field, value, f"a number in {low:g}..{high:g}")
        if not _is_number(self.threshold) or not 0.0 < self.threshold < 1.0:
            raise _bad("threshold", self.threshold, "a number strictly between 0 and 1")
        for field, only in _FIXED.items():
            if getattr(self, field) != only:
                raise _bad(field, getattr(self, field), repr(only))
        # 1 and 1.0 are the same number but not the same JSON: one contract must have one hash.
        for field in ("box_scale", "temperature", "threshold"):
            object.__setattr__(self, field, float(getattr(self, field)))
        object.__setattr__(self, "value_range", _FIXED["value_range"])

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict with every field."""
        return asdict(self) | {"value_range": list(self.value_range)}

    @staticmethod
    def from_json(value: Any, *, file: str | None = None) -> Contract:
        """The contract in a parsed JSON object. Raises ContractError on unknown, missing or bad fields."""
        if not isinstance(value, Mapping):
            raise ContractError("is not a JSON object", file=file, field="contract")
        names = {field.name for field in fields(Contract)}
        if odd := sorted(names ^ set(value)):
            verb = "unknown" if odd[0] in value else "missing"
            raise ContractError(f"{verb} field", file=file, field=f"contract.{odd[0]}")
        arguments = dict(value)
        if isinstance(arguments["value_range"], list):
            arguments["value_range"] = tuple(arguments["value_range"])
        try:
            return Contract(**arguments)
        except ContractError as error:
            raise ContractError(error.problem, file=file, field=error.field, hint=error.hint) from error

    @property
    def sha256(self) -> str:
        """Hash of the canonical JSON, 64 hex digits."""
        return sha256_bytes(canonical_json(self.to_json()))

    def score(self, logit: float) -> float:
        """Calibrated probability of "fake", 0..1, for one logit."""
        scaled = logit / self.temperature
        if scaled >= 0:
            return 1.0 / (1.0 + math.exp(-min(scaled, 700.0)))
        power = math.exp(max(scaled, -700.0))
        return power / (1.0 + power)

    @property
    def logit_threshold(self) -> float:
        """The logit at which `score` reaches `threshold`; a face is fake when `logit >= logit_threshold`."""
        return self.temperature * math.log(self.threshold / (1.0 - self.threshold))

    def is_fake(self, logit: float) -> bool:
        """The decision for one logit."""
        return logit >= self.logit_threshold


_FIXED: dict[str, Any] = {
    "crop": CROP_RULE,
    "color": "RGB",
    "value_range": (0, 255),
    "layout": "NCHW",
    "input_name": "input",
    "output_name": "logit",
    "positive": "fake",
}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    # math.isfinite raises on an integer too large for a float, so integers are bounded first.
    return abs(value) < 1 << 64 if _is_int(value) else isinstance(value, float) and math.isfinite(value)


def _bad(field: str, got: Any, expected: str) -> ContractError:
    return ContractError(f"is {str(got)[:80]!r}, expected {expected}", field=f"contract.{field}")
