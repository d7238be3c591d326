"""The contract: every field's range, its JSON, its hash, and the decision it stands for."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedf.contract import Contract
from edgedf.errors import ContractError
from edgedf.files import canonical_json, parse_json

contracts = st.builds(
    Contract,
    size=st.integers(16, 1024),
    box_scale=st.floats(1.0, 4.0),
    threshold=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
    temperature=st.floats(1e-3, 1e3),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(contracts)
def test_json_round_trip_gives_the_same_contract_and_hash(contract: Contract) -> None:
    text = canonical_json(contract.to_json())
    again = Contract.from_json(parse_json(text, file="x", error=ContractError))
    assert again == contract
    assert again.sha256 == contract.sha256
    assert canonical_json(again.to_json()) == text


@given(contracts, contracts)
def test_hash_is_equal_exactly_for_equal_contracts(first: Contract, second: Contract) -> None:
    assert (first.sha256 == second.sha256) == (first == second)


@pytest.mark.parametrize("field", ["box_scale", "temperature"])
def test_integer_and_float_of_one_value_have_one_hash(field: str) -> None:
    assert Contract(size=64, **{field: 2}).sha256 == Contract(size=64, **{field: 2.0}).sha256
    assert Contract(size=64, value_range=(0.0, 255.0)).sha256 == Contract(size=64).sha256


BAD: list[tuple[str, Any]] = [
    ("size", value) for value in (15, 1025, 0, -64, 64.0, "64", True, None, [64], 10**400)
]
BAD += [("box_scale", value) for value in (0.99, 4.01, math.nan, math.inf, "1.3", None, True, 10**400)]
BAD += [("temperature", value) for value in (0, -1, 1e-4, 1001, math.nan, False, 10**400, -(10**400))]
BAD += [("threshold", value) for value in (0, 1, -0.5, 1.5, math.nan, math.inf, "0.5", None, True)]
BAD += [("crop", "edgedf-crop-2"), ("color", "BGR"), ("layout", "NHWC"), ("positive", "real"), ("crop", None)]
BAD += [("value_range", value) for value in ((0, 1), [0, 255, 0], None, 255, "0255", (255, 0), [[0], [255]])]
BAD += [("input_name", "image"), ("output_name", ""), ("output_name", ["logit"])]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_out_of_range_field_is_named(field: str, value: Any) -> None:
    whole = Contract(size=64).to_json() | {field: value}
    with pytest.raises(ContractError, match=f"contract.{field}: ") as caught:
        Contract.from_json(whole, file="some.file")
    assert caught.value.file == "some.file"
    assert "expected" in caught.value.problem


@pytest.mark.parametrize("field", [item.name for item in fields(Contract)])
def test_missing_field_is_named(field: str) -> None:
    whole = Contract(size=64).to_json()
    del whole[field]
    with pytest.raises(ContractError, match=f"contract.{field}: missing field"):
        Contract.from_json(whole)


def test_unknown_field_is_named() -> None:
    with pytest.raises(ContractError, match=r"contract\.gamma: unknown field"):
        Contract.from_json(Contract(size=64).to_json() | {"gamma": 2.2})


@given(st.sampled_from([item.name for item in fields(Contract)]), json_values)
def test_any_json_value_is_taken_or_named(field: str, value: Any) -> None:
    whole = Contract(size=64).to_json() | {field: value}
    try:
        contract = Contract.from_json(whole)
    except ContractError as error:
        named = error.field
    else:
        named = f"contract.{field}"
        assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract
    assert named == f"contract.{field}"


@given(json_values)
def test_any_json_instead_of_a_contract_is_an_error(value: Any) -> None:
    with pytest.raises(ContractError):
        Contract.from_json(value)


@given(contracts, st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_score_is_a_probability_and_agrees_with_the_decision(contract: Contract, logit: float) -> None:
    score = contract.score(logit)
    assert 0.0 <= score <= 1.0
    # Both sides round; away from the threshold they must agree.
    if abs(score - contract.threshold) > 1e-9:
        assert contract.is_fake(logit) == (score > contract.threshold)


@given(contracts)
def test_score_at_the_logit_threshold_is_the_threshold(contract: Contract) -> None:
    assert contract.score(contract.logit_threshold) == pytest.approx(contract.threshold, rel=1e-9, abs=1e-300)
    assert contract.is_fake(contract.logit_threshold)


@given(contracts, st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=20))
def test_score_never_falls_as_the_logit_rises(contract: Contract, logits: list[float]) -> None:
    scores = [contract.score(logit) for logit in sorted(logits)]
    assert scores == sorted(scores)


@pytest.mark.parametrize(("logit", "score"), [(0.0, 0.5), (1e308, 1.0), (-1e308, 0.0), (math.inf, 1.0)])
def test_score_at_the_ends(logit: float, score: float) -> None:
    assert Contract(size=64, temperature=0.001).score(logit) == pytest.approx(score, abs=1e-300)


def test_a_logit_that_is_no_number_is_never_called_fake() -> None:
    contract = Contract(size=64)
    assert math.isnan(contract.score(math.nan))
    assert not contract.is_fake(math.nan)
