"""What a build measured on an artifact, as the manifest records it: typed, and checked against itself.

The record speaks of the machine that built the bundle. `edgedf parity` measures again on this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgedf.bundle.fields import FieldReader

PASS, NOT_RUN = "pass", "not_run"
# Beside values: only where a build knew which weights the file stores, and edgedf recorded it.
CONVERSION = "conversion"
_ORDER = ("names", "shapes", "open", "values", CONVERSION, "flips", "auc")
# Every check that each artifact goes through, in the order they run.
CHECKS = tuple(name for name in _ORDER if name != CONVERSION)
# Its limit, of the logit scale. Right artifacts of every target and architecture come to 4e-6 or less.
CONVERSION_LIMIT = 2e-5
# Recorded numbers have three digits: one that was rounded up may lie this much above its limit.
ROUNDING = 1.005
_LARGEST = 1e30
_MOST = 1_000_000_000
_NUMBERS = (
    "logit_scale",
    "max_logit_error",
    "max_logit_error_absolute",
    "rms_logit_error",
    "rms_logit_error_absolute",
)
_METRICS = " ".join((*_NUMBERS, "goldens golden_flips evaluation_crops evaluation_flips auc_change"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityMetrics:
    """Differences between an artifact's logits and dense PyTorch's.

    Attributes:
        logit_scale: what relative errors are divided by.
        max_logit_error, rms_logit_error: over the golden pictures, divided by the scale, 0 or more.
        max_logit_error_absolute, rms_logit_error_absolute: the same in logits.
        goldens, golden_flips: golden pictures, and how many of their decisions differ.
        evaluation_crops: crops compared besides the goldens; 0 where there were none.
        evaluation_flips: how many of their decisions differ; None where there were none.
        auc_change: AUC(artifact) - AUC(dense) on those crops, -1..1; None where it was not measured.
    """

    logit_scale: float
    max_logit_error: float
    max_logit_error_absolute: float
    rms_logit_error: float
    rms_logit_error_absolute: float
    goldens: int
    golden_flips: int
    evaluation_crops: int
    evaluation_flips: int | None
    auc_change: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRecord:
    """How far an artifact was from what the weights in its own file give, and how far it might be.

    Attributes:
        measured, allowed: largest logit error over the golden pictures, divided by the scale, 0 or more.
    """

    measured: float
    allowed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRecord:
    """The gate's word on an artifact when it was built; the default says that nothing ran.

    Attributes:
        outcome: "pass" or "not_run". "fail" exists only in memory: no bundle is written with it, none opens.
        runtime: what executed the artifact, "" if nothing did.
        checks: name of each check that was tried -> its outcome.
        metrics: the numbers, None where values were not compared.
        conversion: None where the file was not compared with its own weights, or an older edgedf did that.
    """

    outcome: str = NOT_RUN
    runtime: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)
    metrics: ParityMetrics | None = None
    conversion: ConversionRecord | None = None

    @property
    def label(self) -> str:
        """For people: PASS or NOT RUN."""
        return self.outcome.replace("_", " ").upper()

    @property
    def not_run(self) -> tuple[str, ...]:
        """The checks that did not run, in their order; all of them if none was tried."""
        return tuple(name for name in CHECKS if self.checks.get(name, NOT_RUN) == NOT_RUN)


def stands_in(runtime: str) -> bool:
    """Whether `runtime` names a stand-in for the target's own runtime, such as the MIL reference."""
    return "reference" in runtime.lower()


def read_parity(fields: FieldReader, value: Any, at: str, *, limits: Mapping[str, float]) -> ParityRecord:
    """The record in a manifest's `parity`.

    It must not contradict itself: a pass has every check and lies within `limits` (the entry's tolerances).
    Raises BundleError that names the field.
    """
    known = {"conversion": None} | fields.table(value, at)  # a record of an older edgedf has none
    record = fields.record(known, "outcome runtime checks metrics conversion", at)
    checks = fields.table(record["checks"], f"{at}.checks")
    for name, outcome in checks.items():
        if name not in _ORDER:
            raise fields.bad(f"{at}.checks.{name[:60]}", f"is no check, expected {', '.join(_ORDER)}")
        fields.one_of(outcome, (PASS, NOT_RUN), f"{at}.checks.{name}")
    metrics = record["metrics"]
    parity = ParityRecord(
        outcome=fields.one_of(record["outcome"], (PASS, NOT_RUN), f"{at}.outcome"),
        runtime=fields.text(record["runtime"], f"{at}.runtime"),
        checks={name: checks[name] for name in _ORDER if name in checks},
        metrics=None if metrics is None else _metrics(fields, metrics, f"{at}.metrics"),
        conversion=_conversion(fields, record["conversion"], f"{at}.conversion"),
    )
    if (parity.conversion is not None) != (checks.get(CONVERSION) == PASS):
        raise fields.bad(f"{at}.conversion", "is there exactly where that check ran, and nowhere else")
    if (parity.outcome == PASS) != (parity.not_run == ()):
        raise fields.bad(f"{at}.outcome", f"is {parity.outcome}, but its checks say otherwise")
    if (parity.metrics is not None) != (checks.get("values") == PASS):
        raise fields.bad(f"{at}.metrics", "are there exactly where the check of values ran, and nowhere else")
    if parity.metrics is not None:
        _check_limits(fields, parity.metrics, at, limits)
    return parity


def _metrics(fields: FieldReader, value: Any, at: str) -> ParityMetrics:
    record = fields.record(value, _METRICS, at)
    numbers = {name: fields.number(record[name], f"{at}.{name}", 0, _LARGEST) for name in _NUMBERS}
    goldens = fields.integer(record["goldens"], f"{at}.goldens", 1, _MOST)
    crops = fields.integer(record["evaluation_crops"], f"{at}.evaluation_crops", 0, _MOST)
    flips, change = record["evaluation_flips"], record["auc_change"]
    if (flips is None) != (crops == 0) or (change is not None and crops == 0):
        raise fields.bad(f"{at}.evaluation_flips", "and auc_change are there where crops are, and only there")
    return ParityMetrics(
        **numbers,
        goldens=goldens,
        golden_flips=fields.integer(record["golden_flips"], f"{at}.golden_flips", 0, goldens),
        evaluation_crops=crops,
        evaluation_flips=None if flips is None else fields.integer(flips, f"{at}.evaluation_flips", 0, crops),
        auc_change=None if change is None else fields.number(change, f"{at}.auc_change", -1, 1),
    )


def _conversion(fields: FieldReader, value: Any, at: str) -> ConversionRecord | None:
    """Nothing that failed is ever shipped: what was measured lies within a limit no looser than edgedf's."""
    if value is None:
        return None
    record = fields.record(value, "measured allowed", at)
    allowed = fields.number(record["allowed"], f"{at}.allowed", 0, CONVERSION_LIMIT)
    measured = fields.number(record["measured"], f"{at}.measured", 0, allowed * ROUNDING)
    return ConversionRecord(measured=measured, allowed=allowed)


def _check_limits(fields: FieldReader, found: ParityMetrics, at: str, limits: Mapping[str, float]) -> None:
    """Nothing that failed is ever shipped, so no number may lie above what the same entry allows."""
    decisions = found.goldens + found.evaluation_crops
    measured = {
        "max_logit_error": found.max_logit_error,
        "flips": (found.golden_flips + (found.evaluation_flips or 0)) / decisions,
        "auc_drop": abs(found.auc_change or 0.0),
    }
    for name, number in measured.items():
        if number > limits[name] * ROUNDING:
            problem = f"says that {name} is {number:.3g}, more than the {limits[name]:g} its tolerances allow"
            raise fields.bad(f"{at}.metrics", problem)
