"""Ten thousand damaged bundles: each a named error or the same bundle, none a crash or a hang."""

from __future__ import annotations

import pytest

from tests.fuzz_files import bundle_format, fuzz


@pytest.mark.slow
def test_mutated_bundles_are_named_errors_or_unchanged() -> None:
    outcomes = fuzz(bundle_format(), range(10_000))
    crashes = {outcome: count for outcome, count in outcomes.items() if outcome.startswith("CRASH")}
    assert not crashes
    assert outcomes["BundleError"] > 7_000
    assert outcomes["sound"] > 100
