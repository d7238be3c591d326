"""One decision rule: the C core and Python's Contract agree on every logit, also on the boundary."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_bytes import FLATTEN, linear, model_bytes, node

from edgedf.contract import Contract
from edgedf.native.engine import NativeModel
from edgedf.native.engine_types import CContract, Needs, bind


def _contract_of(contract: Contract) -> CContract:
    """The contract as the C core reads it out of a file."""
    weight = np.ones((1, 16 * 16 * 3), np.float32)
    data = model_bytes([node(FLATTEN, 0), linear(1, weight)], [weight], contract=contract)
    needs = Needs()
    assert bind().edgedf_model_measure(data, len(data), None, ctypes.byref(needs)) == 0
    return needs.contract


def _boundary(contract: Contract) -> list[float]:
    """The float32 nearest to the threshold and its neighbours."""
    near = np.float32(contract.logit_threshold)
    below, above = np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))
    return [float(value) for value in (below, near, above)]


@given(threshold=st.floats(0, 1, exclude_min=True, exclude_max=True), temperature=st.floats(1e-3, 1e3))
def test_is_fake_equals_python_on_the_boundary(threshold: float, temperature: float) -> None:
    contract = Contract(size=16, threshold=threshold, temperature=temperature)
    native = _contract_of(contract)
    assert native.logit_threshold == contract.logit_threshold
    for logit in [*_boundary(contract), -1e-19, 0.0, -0.0, 1e-19, 3e38, -3e38]:
        assert bool(bind().edgedf_model_is_fake(native, logit)) == contract.is_fake(logit), logit


def test_is_fake_tiny_negative_logit_is_real_although_its_score_rounds_to_the_threshold() -> None:
    contract = Contract(size=16)
    native = _contract_of(contract)
    assert bind().edgedf_model_score(native, -1e-19) == 0.5
    assert not bind().edgedf_model_is_fake(native, -1e-19)


@pytest.mark.parametrize("logit", [math.nan, math.inf])
def test_is_fake_never_calls_what_is_not_a_number_real(logit: float) -> None:
    assert bind().edgedf_model_is_fake(_contract_of(Contract(size=16)), logit)


def test_score_without_a_contract_or_temperature_is_not_a_number() -> None:
    assert math.isnan(bind().edgedf_model_score(None, 1.0))
    for temperature in (0.0, -1.0, math.nan):
        assert math.isnan(bind().edgedf_model_score(CContract(temperature=temperature), 1.0))
    assert bind().edgedf_model_is_fake(None, 1.0) == 1


def test_open_failed_leaves_no_model() -> None:
    weight = np.ones((1, 16 * 16 * 3), np.float32)
    data = model_bytes([node(FLATTEN, 0), linear(1, weight)], [weight])
    memory = np.empty(NativeModel(data).needs.model_bytes, np.uint8)
    for damaged, size in ((data[:-1], memory.size), (data, 8)):
        model = ctypes.c_void_p(1)
        status = bind().edgedf_model_open(
            damaged, len(damaged), None, memory.ctypes.data, size, ctypes.byref(model)
        )
        assert status != 0
        assert model.value is None
