"""What the gate allows, by precision. A manifest records what was in force, never anything looser."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgedf.bundle.manifest import Tolerances

# float32: rounding only; real artifacts come to about 1e-6. float16 and int8: weights are rounded to 11
# and 8 bits. A flip is allowed only for a crop in a thousand (float32), where rounding meets the threshold.
TOLERANCES: Mapping[str, Tolerances] = MappingProxyType(
    {
        "float32": Tolerances(max_logit_error=1e-4, flips=0.001, auc_drop=0.0005),
        "float16": Tolerances(max_logit_error=2e-2, flips=0.01, auc_drop=0.002),
        "int8": Tolerances(max_logit_error=2e-1, flips=0.03, auc_drop=0.01),
    }
)
