"""docs/formats.md is enough: a decoder written from it alone finds the ticket's network in every file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from model_decoder import AFFINE, CONV, LINEAR, FileNode, ModelFile, decode, sealed
from model_evaluate import evaluate

from converters import Options, convert
from converters.rounded import rounded_graph
from edgedf.compact import Compacted
from edgedf.compact.graph import Affine, Conv2d, Linear
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel
from edgedf.native.model_header import read_header
from edgedf.ticket import Ticket
from tests.artifact_files import random_crops, sample

PRECISIONS = ("float32", "float16", "int8")
CASES = [
    *(("mesonet", 128, 0.9, precision) for precision in PRECISIONS),
    *(("cnn5", 128, 0.9, precision) for precision in PRECISIONS),
    ("mesonet", 256, 0.0, "float32"),
    # Eleven million weights bit by bit: one precision is enough, all share the coding of which are zero.
    pytest.param("resnet18", 64, 0.99, "int8", marks=pytest.mark.slow),
]


def _file(ticket: Ticket, compacted: Compacted, precision: str) -> bytes:
    options = Options(precision=precision, metadata={"edgedf.ticket_sha256": "ab" * 32})
    made = convert("native", compacted.module, ticket.contract, options)
    return made.files[made.path]


def _largest_error(weight: np.ndarray, precision: str) -> np.ndarray:
    """How far a stored weight may lie from the ticket's: half a step of its form, per weight."""
    if precision == "float32":
        return np.zeros_like(weight)
    if precision == "float16":
        return np.abs(weight) * 2.0**-11 + 2.0**-25
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    # Half a step of the channel's scale, and the scale's own rounding to half precision.
    step = largest * (0.5 / 127 + 2.0**-11) * 1.01
    return np.broadcast_to(step.reshape(-1, *[1] * (weight.ndim - 1)), weight.shape)


def _weighted(decoded: ModelFile) -> list[FileNode]:
    return [node for node in decoded.nodes if node.op in (CONV, LINEAR)]


@pytest.mark.parametrize(("arch", "size", "sparsity", "precision"), CASES)
def test_decoded_file_is_the_ticket(arch: str, size: int, sparsity: float, precision: str) -> None:
    ticket, compacted = sample(arch, size, sparsity)
    decoded = decode(_file(ticket, compacted, precision))
    assert decoded.contract == {
        name: getattr(ticket.contract, name)
        for name in ("size", "box_scale", "threshold", "temperature", "logit_threshold")
    }
    assert decoded.metadata == {"edgedf.ticket_sha256": "ab" * 32}
    layers = [node for node in compacted.graph.nodes if isinstance(node.op, Conv2d | Linear)]
    assert [node.name for node in _weighted(decoded)] == [node.source or node.name for node in layers]
    for found, layer in zip(_weighted(decoded), layers, strict=True):
        op = layer.op
        weight = op.weight_oihw if isinstance(op, Conv2d) else op.weight_oi
        error = np.abs(found.arrays["weight"] - weight)
        assert (error <= _largest_error(weight, precision)).all(), layer.name
        assert (found.arrays.get("bias") is None) == (op.bias_o is None)
        if op.bias_o is not None:
            np.testing.assert_allclose(
                found.arrays["bias"], op.bias_o, rtol=2**-11 * (precision != "float32")
            )
    affines = [node.op for node in compacted.graph.nodes if isinstance(node.op, Affine)]
    for found, affine in zip((n for n in decoded.nodes if n.op == AFFINE), affines, strict=True):
        for array, wanted in (
            (found.arrays["scale"], affine.scale_c),
            (found.arrays["shift"], affine.shift_c),
        ):
            np.testing.assert_allclose(array, wanted, rtol=2**-11 * (precision != "float32"))


@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("cnn5", 128)])
def test_decoded_float32_file_computes_what_the_dense_ticket_does(arch: str, size: int) -> None:
    """End to end without the engine, the compactor's module or the converter: file -> PyTorch = ticket."""
    ticket, compacted = sample(arch, size)
    crops = random_crops(4, size)
    with torch.no_grad():
        planes = torch.from_numpy(crops).permute(0, 3, 1, 2).double()
        expected = ticket.module().double()(planes).numpy().reshape(-1)
    got, _ = evaluate(decode(_file(ticket, compacted, "float32")), crops)
    assert np.abs(got - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_gates_rounded_network_is_what_the_file_holds(precision: str) -> None:
    """To the bit: the gate compares a file's answers with this network's."""
    ticket, compacted = sample("mesonet", 128)
    rounded = rounded_graph(compacted.graph, "native", precision)
    assert rounded is not None
    decoded = decode(_file(ticket, compacted, precision))
    layers = [node.op for node in rounded.nodes if isinstance(node.op, Conv2d | Linear)]
    for found, op in zip(_weighted(decoded), layers, strict=True):
        np.testing.assert_array_equal(
            found.arrays["weight"], op.weight_oihw if isinstance(op, Conv2d) else op.weight_oi
        )
        if op.bias_o is not None:
            np.testing.assert_array_equal(found.arrays["bias"], op.bias_o)
    affines = [node.op for node in rounded.nodes if isinstance(node.op, Affine)]
    for found, affine in zip((n for n in decoded.nodes if n.op == AFFINE), affines, strict=True):
        np.testing.assert_array_equal(found.arrays["scale"], affine.scale_c)
        np.testing.assert_array_equal(found.arrays["shift"], affine.shift_c)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_that_are_zero_stay_zero(precision: str) -> None:
    ticket, compacted = sample("mesonet", 128)
    for found, layer in zip(
        _weighted(decode(_file(ticket, compacted, precision))),
        (node.op for node in compacted.graph.nodes if isinstance(node.op, Conv2d | Linear)),
        strict=True,
    ):
        weight = layer.weight_oihw if isinstance(layer, Conv2d) else layer.weight_oi
        assert not found.arrays["weight"][weight == 0].any()
        assert found.numbers["nonzero"] == np.count_nonzero(found.arrays["weight"])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_header_that_show_prints_is_what_the_decoder_finds(precision: str) -> None:
    ticket, compacted = sample("cnn5", 128)
    data = _file(ticket, compacted, precision)
    header, decoded = read_header(data), decode(data)
    assert header.precision == precision
    assert dict(header.metadata) == decoded.metadata
    assert list(header.forms) == [node.name for node in _weighted(decoded)]
    assert set(header.forms.values()) == {precision}


@pytest.mark.parametrize("meta", [b"", b"\xff", b"{", b"[1]", b'{"a":NaN}'])
def test_metadata_that_is_no_object_is_none(meta: bytes) -> None:
    """The engine does not read it, so anything may stand there."""
    ticket, compacted = sample("mesonet", 128)
    data = _file(ticket, compacted, "int8")
    changed = sealed(data, (*decode(data).sections[:3], meta))
    NativeModel(changed).close()
    assert read_header(changed).metadata == {}


def test_contract_numbers_are_stored_exactly() -> None:
    _, compacted = sample("mesonet", 128)
    contract = Contract(size=128, threshold=0.3, temperature=1.7, box_scale=1.1)
    made = convert("native", compacted.module, contract, Options())
    found = decode(made.files[made.path]).contract
    assert all(value == getattr(contract, name) for name, value in found.items())


_CONVERT = """
import hashlib, sys
from converters import Options, convert
from tests.artifact_files import sample
ticket, compacted = sample("mesonet", 128)
for precision in ("float32", "float16", "int8"):
    options = Options(precision=precision, metadata={"b": "2", "a": "1"})
    made = convert("native", compacted.module, ticket.contract, options)
    print(hashlib.sha256(made.files[made.path]).hexdigest())
"""


def test_two_conversions_in_two_processes_are_equal() -> None:
    root = Path(__file__).parents[2]
    ticket, compacted = sample("mesonet", 128)
    mine = []
    for precision in PRECISIONS:
        options = Options(precision=precision, metadata={"a": "1", "b": "2"})
        made = convert("native", compacted.module, ticket.contract, options)
        mine.append(hashlib.sha256(made.files[made.path]).hexdigest())
    done = subprocess.run(
        [sys.executable, "-c", _CONVERT],
        cwd=root,
        env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == mine
