"""Tickets of all three architectures at every sparsity: same logits, fewer channels, one proof each."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedf.compact import compact_ticket
from edgedf.compact.proof import proof_pictures, prove_equal
from edgedf.errors import CompactError
from edgedf.files import canonical_json
from edgedf.models import ARCHITECTURES
from tests.compact.networks import pictures
from tests.ticket_samples import sample_ticket

SPARSITIES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def _check(arch: str, size: int, sparsity: float, seed: int) -> None:
    ticket = sample_ticket(arch, size=size, sparsity=sparsity, seed=seed)
    compacted = compact_ticket(ticket)
    x = pictures(size, seed)
    with torch.no_grad():
        wanted, got = ticket.module()(x), compacted.module(x)
    assert float((got - wanted).abs().max()) <= 1e-5 * max(1.0, float(wanted.abs().max()))
    assert compacted.report.proof is not None
    assert compacted.report.proof.relative_error <= 1e-5
    # Not the gate's scale, which is an RMS: two numbers, two names.
    proof = compacted.report.to_json()["proof"]
    assert set(proof) == {"max_error", "logit_peak", "inputs", "relative_error"}
    assert proof["relative_error"] == proof["max_error"] / proof["logit_peak"]
    assert compacted.report.weights[1] <= compacted.report.weights[0]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(("mesonet", "cnn5")), st.sampled_from(SPARSITIES), st.integers(0, 1 << 20))
def test_small_architectures(arch: str, sparsity: float, seed: int) -> None:
    _check(arch, 64, sparsity, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("sparsity", "seed"), [(0.9, 0), (0.99, 1), (0.999, 2)])
def test_resnet18(sparsity: float, seed: int) -> None:
    _check("resnet18", 64, sparsity, seed)


def test_channels_leave_where_the_mask_lets_them() -> None:
    reports = {
        s: compact_ticket(sample_ticket("mesonet", sparsity=s, seed=1)).report for s in (0.8, 0.97, 0.99)
    }
    assert reports[0.8].channels[0] == reports[0.8].channels[1] == 65
    assert reports[0.97].channels[1] < 65
    assert reports[0.99].channels[1] < reports[0.97].channels[1]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_same_ticket_same_graph_to_the_byte(arch: str) -> None:
    ticket = sample_ticket(arch, size=64, sparsity=0.98)
    first, second = (compact_ticket(ticket) for _ in range(2))
    assert canonical_json(first.report.to_json()) == canonical_json(second.report.to_json())
    for (name, a), (other, b) in zip(
        first.module.state_dict().items(), second.module.state_dict().items(), strict=True
    ):
        assert name == other
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_resnet18_at_full_size_takes_seconds() -> None:
    ticket = sample_ticket("resnet18", size=224, sparsity=0.95)
    began = time.perf_counter()
    compact_ticket(ticket)
    assert time.perf_counter() - began < 30  # about 3 s on an idle core; the margin is for busy machines


def test_module_can_be_exported() -> None:
    module = compact_ticket(sample_ticket("resnet18", size=64, sparsity=0.9)).module
    x = pictures(64, 0)[:1]
    program = torch.export.export(module, (x,))
    assert [spec.arg.name for spec in program.graph_signature.input_specs][-1] == "input"
    assert torch.equal(program.module()(x), module(x))


def test_proof_names_the_picture_where_networks_differ() -> None:
    dense = sample_ticket(size=32, sparsity=0.5).module()
    other = sample_ticket(size=32, sparsity=0.5, seed=1).module()
    with pytest.raises(CompactError, match=r"on picture '.+', the dense one"):
        prove_equal(dense, other, 32)


def test_proof_pictures_are_fixed_and_cover_the_borders() -> None:
    first, second = dict(proof_pictures(48)), dict(proof_pictures(48))
    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert {"black", "white", "top edge", "bottom edge", "left edge", "right edge"} <= set(first)
    assert all(p.shape == (48, 48, 3) and p.dtype == np.uint8 for p in first.values())
