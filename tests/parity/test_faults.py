"""How small a fault the gate of a build finds, over random places of the demo ticket's network.

`pytest tests/parity/test_faults.py -rP` prints the shares; `edgedf parity BUNDLE --ticket T --faults N` too.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from converters import Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.fault_kinds import FAULTS
from edgedf.assembly.faults import NO_FAULT, WAYS, FaultRow, fault_rows
from edgedf.assembly.part import check_files
from edgedf.assembly.source import Source, read_source
from edgedf.assembly.stored import stored_logits
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.parity_record import CONVERSION_LIMIT
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.cli.parity_faults import _row
from edgedf.compact import Compacted, compact_ticket
from edgedf.compact.graph import Affine, Conv2d, Linear
from edgedf.compact.module import GraphModule
from edgedf.data.synth import golden_faces
from edgedf.errors import ParityError
from edgedf.parity.conversion import check_conversion
from edgedf.parity.gate import Check, Outcome
from edgedf.parity.golden import FACE_SEED, FACES, make_goldens
from edgedf.parity.reference import dense_logits
from edgedf.parity.values import check_values

# Of each kind. A share of 0.9 or more of 40 is 0.77 or more of all places (95%, Clopper and Pearson 1934).
COUNT, LEAST_SHARE = 40, 0.9


@lru_cache(maxsize=1)
def _demo() -> tuple[Source, Compacted, GoldenSet]:
    source = read_source(None)
    ticket = source.ticket
    faces = golden_faces(FACES, FACE_SEED)
    return (
        source,
        compact_ticket(ticket),
        make_goldens(ticket.contract, faces, dense_logits(ticket.module())),
    )


@pytest.mark.slow
def test_single_faults_are_refused_at_every_precision() -> None:
    source, _, goldens = _demo()
    rows = fault_rows(source, goldens, count=COUNT)
    assert [(row.fault, row.ran, row.precision) for row in rows] == [
        (k, *way) for k in (NO_FAULT, *FAULTS) for way in WAYS
    ]
    for row in rows[: len(WAYS)]:
        assert (row.tried, row.refused, row.missed) == (1, 0, {})
    for row in rows[len(WAYS) :]:
        print(f"{row.fault}, {row.ran} {row.precision}: {row.refused} of {row.tried}", row.missed or "")
        assert row.tried == COUNT
        assert row.refused + sum(row.missed.values()) == row.tried
        assert row.refused >= LEAST_SHARE * row.tried, row
        # What a build lets through, the bundle's own limit lets through as well.
        assert (row.largest_missed or 0) <= TOLERANCES[row.precision].max_logit_error


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_one_change_of_one_layer(kind: str) -> None:
    _, compacted, _ = _demo()
    faults = list(FAULTS[kind](compacted.graph, 12)[1])
    assert len(faults) == 12
    for fault in faults:
        pairs = zip(fault.graph.nodes, compacted.graph.nodes, strict=True)
        (changed,) = [(new, old) for new, old in pairs if new is not old]
        new, old = changed
        assert new.name == fault.node
        names = ("weight_oihw", "weight_oi", "bias_o", "scale_c", "shift_c")
        arrays = [n for n in names if getattr(new.op, n, None) is not getattr(old.op, n, None)]
        (name,) = arrays
        differing = np.argwhere(getattr(new.op, name) != getattr(old.op, name))
        assert len({*differing[:, 0].tolist()}) in ((2,) if kind == "two channels exchanged" else (1,))
        if kind != "two channels exchanged":
            assert len(differing) == 1


def test_the_same_places_are_drawn_each_time() -> None:
    _, compacted, _ = _demo()
    first, second = (
        [fault.node for fault in FAULTS["one weight lost"](compacted.graph, 20)[1]] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 2  # over all layers, not in one


def _answer(limits: str, got: np.ndarray, stored: np.ndarray) -> Check:
    goldens = _demo()[2]
    values, _ = check_values(got, goldens, TOLERANCES[limits])
    return values if values.outcome is Outcome.FAIL else check_conversion(got, stored, goldens)


def test_conversion_is_stricter_than_the_bundle() -> None:
    goldens = _demo()[2]
    assert _answer("float32", goldens.logits, goldens.logits).outcome is Outcome.PASS
    check = _answer("float32", goldens.logits, goldens.logits)
    assert (check.name, check.allowed, check.measured) == ("conversion", CONVERSION_LIMIT, 0)
    off = goldens.logits.copy()
    off[3] += np.float32(4e-4)  # 7e-5 of the scale: the bundle would let it through
    check = _answer("float32", off, goldens.logits)
    assert check.outcome is Outcome.FAIL
    assert len(check.failures) == 1
    assert check.failures[0].startswith(f"{goldens.pictures[3].name} (index 3)")


def test_rounded_weights_are_compared_with_themselves() -> None:
    _, compacted, goldens = _demo()
    stored = stored_logits(compacted.graph, "native", "int8", goldens)
    assert stored is not None
    assert np.abs(stored - goldens.logits).max() > 1e-3
    assert _answer("int8", stored, stored).outcome is Outcome.PASS
    # Unrounded logits are right by the bundle's wide limit, but no int8 file answers like that.
    assert check_values(goldens.logits, goldens, TOLERANCES["int8"])[0].outcome is Outcome.PASS
    assert _answer("int8", goldens.logits, stored).outcome is Outcome.FAIL


def test_a_failure_of_values_stays_as_it_is() -> None:
    goldens = _demo()[2]
    check = _answer("float32", goldens.logits + 1, goldens.logits)
    assert check.outcome is Outcome.FAIL
    assert "allowed 1e-04" in check.detail


@pytest.mark.parametrize("target", ["executorch", "coreml", "tflite", "native"])
def test_a_fault_that_the_bundle_would_let_through_is_refused_at_a_build(target: str) -> None:
    source, compacted, goldens = _demo()
    nodes = list(compacted.graph.nodes)
    head = nodes[-1]
    assert isinstance(head.op, Linear)
    assert head.op.bias_o is not None
    bias = head.op.bias_o + np.float32(3e-4)
    nodes[-1] = type(head)(
        name=head.name,
        op=Linear(weight_oi=head.op.weight_oi, bias_o=bias),
        inputs=head.inputs,
        source=head.source,
    )
    graph = type(compacted.graph)(input_chw=compacted.graph.input_chw, nodes=tuple(nodes))
    made = convert(target, GraphModule(graph), source.ticket.contract, Options())
    stored = stored_logits(compacted.graph, target, "float32", goldens)
    for given, outcome in ((None, Outcome.PASS), (stored, Outcome.FAIL)):
        report = check_files(made.files, artifact_entry(made), goldens, None, stored=given)
        outcomes = {check.name: check.outcome for check in report.checks}
        assert outcomes["values"] is Outcome.PASS
        assert outcomes.get("conversion", Outcome.PASS) is outcome


def test_one_faulty_network_is_in_memory_at_a_time() -> None:
    _, compacted, _ = _demo()
    for make in FAULTS.values():
        places, faults = make(compacted.graph, 6)
        assert places == 6
        # The arrays are what is large: one that is alive beside the next would be kept.
        last: weakref.ref | None = None
        for fault in faults:
            assert last is None or last() is None
            fields = ("weight_oihw", "weight_oi", "bias_o", "scale_c", "shift_c")
            (changed,) = [
                getattr(new.op, name)
                for new, old in zip(fault.graph.nodes, compacted.graph.nodes, strict=True)
                for name in fields
                if getattr(new.op, name, None) is not getattr(old.op, name, None)
            ]
            last = weakref.ref(changed)
            del changed, fault


@pytest.mark.parametrize("way", WAYS)
def test_without_a_fault_nothing_is_refused_or_no_share_is_printed(way: tuple[str, str]) -> None:
    """Goldens of another network: the gate refuses everything, and 100% of the faults would be found."""
    source, _, goldens = _demo()
    off = replace(goldens, logits=goldens.logits + np.float32(2))
    with pytest.raises(
        ParityError, match=f"{' '.join(way)}: the network without a fault is refused too"
    ) as caught:
        fault_rows(source, off, count=1, ways=[way])
    assert "max error" in caught.value.problem
    assert caught.value.hint


def test_a_kind_without_a_place_has_no_share() -> None:
    row = FaultRow(
        fault="x", ran="native", precision="int8", tried=0, refused=0, largest_missed=None, missed={}
    )
    assert row.to_json()["share"] is None
    assert _row(row)[2:4] == ("0 of 0", "none tried")


def test_every_stored_number_of_the_network_is_in_the_drawing() -> None:
    _, compacted, _ = _demo()
    everything, faults = FAULTS["one bias or scale x 1.1"](compacted.graph, 10_000)
    assert len(list(faults)) == everything
    wanted = 0
    for node in compacted.graph.nodes:
        match node.op:
            case Conv2d(bias_o=bias) | Linear(bias_o=bias):
                wanted += 0 if bias is None else np.count_nonzero(bias)
            case Affine(scale_c=scale, shift_c=shift):
                wanted += np.count_nonzero(scale) + np.count_nonzero(shift)
    assert everything == wanted
