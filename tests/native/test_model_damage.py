"""Damaged, truncated and hostile model files: one named error or a right answer, never a crash."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from model_decoder import decode
from model_graphs import random_graph

from converters.native_format.file import model_file
from edgedf.compact.graph import INPUT, Conv2d, Flatten, Graph, Linear, Node
from edgedf.contract import Contract
from edgedf.errors import BundleError
from edgedf.native.engine import NativeModel


def _file(seed: int, precision: str = "float32") -> bytes:
    graph = random_graph(seed)
    return model_file(graph, Contract(size=graph.input_chw[1]), precision, {"note": "test"})


def _sealed(data: bytes | bytearray) -> bytes:
    """The file with a checksum that fits: what someone who wants to do harm would send."""
    return bytes(data[:12]) + struct.pack("<I", zlib.crc32(data[16:])) + bytes(data[16:])


def _try(data: bytes) -> bool:
    """Whether the file opens; if so it must also run."""
    try:
        model = NativeModel(data)
    except BundleError:
        return False
    if model.needs.dense_multiplies < 50_000_000 and model.needs.workspace_bytes < 1 << 26:
        model.run(np.zeros((1, model.size, model.size, 3), np.uint8))
    model.close()
    return True


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda _: b"", "not an edgedf model"),
        (lambda d: b"PK" + d[2:], "not an edgedf model"),
        (lambda d: d[:8] + struct.pack("<I", 1) + d[12:], "version"),
        (lambda d: d[:-1], "truncated"),
        (lambda d: d + b"\0", "truncated"),
        (lambda d: d[:40] + bytes([d[40] ^ 1]) + d[41:], "checksum"),
        (lambda d: _sealed(d[:32] + struct.pack("<H", 8) + d[34:]), "makes no sense"),
        (lambda d: _sealed(d[:34] + b"\2" + d[35:]), "makes no sense"),
        (lambda d: _sealed(d[:64] + struct.pack("<d", 1.0) + d[72:]), "makes no sense"),
        (lambda d: _sealed(d[:64] + struct.pack("<d", float("nan")) + d[72:]), "makes no sense"),
        (lambda d: _sealed(d[:40] + struct.pack("<d", float("nan")) + d[48:]), "makes no sense"),
    ],
)
def test_open_damaged_header_names_the_problem(change, problem: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BundleError, match=problem):
        NativeModel(change(_file(5)))


def test_open_every_truncation_is_refused() -> None:
    data = _file(6)
    assert not any(_try(data[:length]) for length in range(len(data)))


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_open_flipped_bytes_with_a_good_checksum_never_crash(precision: str) -> None:
    rng = np.random.default_rng(7)
    opened = 0
    for seed in range(30):
        data = _file(seed, precision)
        for _ in range(60):
            copy = bytearray(data)
            for at in rng.integers(16, len(copy), rng.integers(1, 4)):
                copy[at] = rng.integers(0, 256)
            opened += _try(_sealed(copy))
    # Changed biases and low bytes of weights are still a model; structure is not.
    assert 0 < opened < 30 * 60


def test_open_wrong_nonzero_count_is_refused() -> None:
    """The count decides how much memory the tables get, so it must be what the coder decodes."""
    data = _file(8)
    sizes = struct.unpack("<4I", data[16:32])
    for at in range(72, 72 + sizes[0]):
        copy = bytearray(data)
        copy[at] = copy[at] - 1 & 255
        _try(_sealed(copy))
    short = bytearray(data)
    raw_end = 72 + sizes[0] + sizes[1]
    short[raw_end : raw_end + sizes[2]] = bytes(sizes[2])
    assert not _try(_sealed(short))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kept", [0.1, 1.0])
def test_open_scale_that_is_not_finite_is_refused(value: float, kept: float) -> None:
    """Of a channel without a weight, too: nothing else looks at its scale. In floats and in integers."""
    rng = np.random.default_rng(3)
    weight = (rng.normal(size=(16, 3, 3, 3)) * (rng.random((16, 3, 3, 3)) < kept)).astype(np.float32)
    weight[1] = 0
    conv = Node(name="conv", op=Conv2d(weight_oihw=weight), inputs=(INPUT,))
    flat = Node(name="flat", op=Flatten(), inputs=("conv",))
    linear = Node(name="logit", op=Linear(weight_oi=np.ones((1, 16 * 14 * 14), np.float32)), inputs=("flat",))
    graph = Graph(input_chw=(3, 16, 16), nodes=(conv, flat, linear))
    data = model_file(graph, Contract(size=16), "int8", {})
    (form,) = (node.forms["scale"] for node in decode(data).nodes if node.name == "conv")
    kernel = NativeModel(data).steps()[-2].kernel
    assert kernel.startswith("int8" if kept == 1.0 else "sparse")
    scale = np.array([value], {1: "<f4", 2: "<f2"}[form]).tobytes()
    # The first layer's scales are the first bytes of RAW.
    at = 72 + struct.unpack("<I", data[16:20])[0] + len(scale)
    bad = _sealed(data[:at] + scale + data[at + len(scale) :])
    with pytest.raises(AssertionError, match="not finite"):
        decode(bad)
    with pytest.raises(BundleError, match="do not decode"):
        NativeModel(bad)


def test_fuzz_seeds_are_whole_and_small_enough_to_run() -> None:
    """A seed that the engine refuses, or that the fuzzer thinks too slow, would reach no kernel."""
    seeds = sorted((Path(__file__).parents[2] / "edgedf/native/fuzz/corpus/model").iterdir())
    assert len(seeds) >= 30
    for seed in seeds:
        model = NativeModel(seed.read_bytes(), file=seed)
        assert model.needs.work <= 4_000_000
        assert max(model.needs.workspace_bytes, model.needs.model_bytes) <= 1 << 20
        model.run(np.zeros((1, model.size, model.size, 3), np.uint8))
        model.close()
