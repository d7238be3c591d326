"""Small packages that would fill the memory or run for years are refused before anything is computed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from converters.mil_encode import encode_model
from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.writer import file_entries
from edgedf.errors import BundleError
from edgedf.runtime.backend import open_backend
from edgedf.runtime.coreml_package import MODEL_PATH, WEIGHTS_PATH
from edgedf.runtime.mil_reference import (
    DecodeError,
    Evaluator,
    ProgramError,
    budget,
    decode_model,
)
from edgedf.runtime.mil_reference.budget import Cost, program_cost
from edgedf.runtime.mil_reference.decode import MAX_OPERATIONS, MAX_PROGRAM_BYTES
from edgedf.runtime.mil_reference.program import Model, Operation, Output, TensorType, Value
from edgedf.runtime.mil_reference.structure import is_constant
from tests.artifact_files import artifact, write_artifact

SIZE = 64
SIDE = 8192
BIG = TensorType("float32", (SIDE, SIDE))
SQUARE = TensorType("float32", (4096, 4096))


@lru_cache(maxsize=4)
def _sample(arch: str = "mesonet", precision: str = "float32") -> Model:
    made = artifact("coreml", arch, SIZE, precision)
    return decode_model(*(made.files[f"{made.path}/{part}"] for part in (MODEL_PATH, WEIGHTS_PATH)))


def _const(name: str, value: np.ndarray | str) -> Operation:
    held = Value.of(value)
    return Operation(type="const", attributes={"val": held}, outputs=(Output(name, held.type),))


def _step(kind: str, name: str, type_: TensorType, **inputs: str) -> Operation:
    bindings = {key: (value,) for key, value in inputs.items()}
    return Operation(type=kind, inputs=bindings, outputs=(Output(name, type_),))


def _before(steps: Sequence[Operation]) -> Model:
    """The sample, whose answer is right, behind other operations."""
    return replace(_sample(), operations=(*steps, *_sample().operations))


def _ints(name: str, *numbers: int) -> Operation:
    return _const(name, np.array(numbers, np.int32))


def _thin(side: int = SIDE) -> list[Operation]:
    """A column and a row that any operation can spread to a large square."""
    return [_const("c", np.ones((side, 1), np.float32)), _const("r", np.ones((1, side), np.float32))]


def _all_alive() -> list[Operation]:
    first = [_step("mul", f"b{i}", BIG, x="c", y="r") for i in range(12)]
    return _thin() + first + [_step("add", f"d{i}", BIG, x=f"b{i}", y=f"b{i}") for i in range(12)]


def _one_by_one() -> list[Operation]:
    chain = [_step("relu", f"d{i + 1}", SQUARE, x=f"d{i}") for i in range(2000)]
    return [*_thin(4096), _step("mul", "d0", SQUARE, x="c", y="r"), *chain]


def _large_constants() -> list[Operation]:
    """Tensors of which the file holds nothing; the sizes that it declares are believed for the count."""
    return [
        Operation(
            type="constexpr_sparse_to_dense",
            attributes={
                "nonzero_data": Value.of(np.zeros(0, np.float32)),
                "mask": Value.of(np.zeros(1, np.uint8)),
                "shape": Value.of(np.array([SIDE, SIDE], np.uint32)),
            },
            outputs=(Output(f"s{i}", BIG),),
        )
        for i in range(8)
    ]


def _many_products() -> list[Operation]:
    chain = [_step("matmul", f"m{i + 1}", SQUARE, x=f"m{i}", y=f"m{i}") for i in range(40)]
    return [*_thin(4096), _step("mul", "m0", SQUARE, x="c", y="r"), *chain]


def _wide_windows(kind: str) -> list[Operation]:
    """A plane of 4096 x 4096, windows of 2048 x 2048."""
    plane = TensorType("float32", (1, 1, 4096, 4096))
    out = TensorType("float32", (1, 1, 2049, 2049))
    pool = _step(kind, "w", out, x="m", kernel_sizes="k", strides="one", pad_type="valid")
    conv = _step("conv", "w", out, x="m", weight="kernel", strides="one", pad_type="valid")
    kernel = TensorType("float32", (1, 1, 2048, 2048))
    return [
        _const("c", np.ones((1, 1, 4096, 1), np.float32)),
        _const("r", np.ones((1, 1, 1, 4096), np.float32)),
        _const("kc", np.ones((1, 1, 2048, 1), np.float32)),
        _const("kr", np.ones((1, 1, 1, 2048), np.float32)),
        _step("mul", "m", plane, x="c", y="r"),
        _step("mul", "kernel", kernel, x="kc", y="kr"),
        _const("valid", "valid"),
        _ints("k", 2048, 2048),
        _ints("one", 1, 1),
        conv if kind == "conv" else pool,
    ]


def _padded() -> list[Operation]:
    """Planes of eight numbers, padded to millions, of which nearly nothing is kept."""
    small = TensorType("float32", (1, 1, 1, 1))
    steps = [
        _const("p", np.ones((1, 1, 2, 2), np.float32)),
        _const("custom", "custom"),
        _ints("k", 1, 1),
        _ints("far", 65536, 65536),
        _ints("pad", 4000, 4000, 4000, 4000),
    ]
    shared = {"kernel_sizes": "k", "strides": "far", "pad_type": "custom", "pad": "pad"}
    return steps + [_step("max_pool", f"m{i}", small, x="p", **shared) for i in range(500)]


PROGRAMS = {
    "all alive at once": (_all_alive, "numbers in memory"),
    "large constants": (_large_constants, "numbers in memory"),
    "one after the other": (_one_by_one, "moves .* numbers"),
    "many products": (_many_products, "multiply-adds"),
    "wide windows of a pool": (lambda: _wide_windows("avg_pool"), "moves .* numbers"),
    "wide windows of a convolution": (lambda: _wide_windows("conv"), "moves .* numbers|multiply-adds"),
    "padding again and again": (_padded, "moves .* numbers"),
}


@pytest.mark.parametrize("kind", sorted(PROGRAMS))
def test_a_program_that_would_never_end_is_refused_at_once(kind: str) -> None:
    steps, message = PROGRAMS[kind]
    model = _before(steps())
    parts = encode_model(model)
    assert sum(map(len, parts)) < 1 << 20
    start = time.perf_counter()
    with pytest.raises(ProgramError, match=message):
        Evaluator(decode_model(*parts))
    assert time.perf_counter() - start < 20


def test_every_limit_counts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its own cost a program runs; with one limit a number lower it does not."""
    cost = program_cost(_sample())
    for name, value in (("MAX_LIVE", cost.live), ("MAX_MOVED", cost.moved), ("MAX_PRODUCTS", cost.products)):
        assert value > 0
        monkeypatch.setattr(budget, name, value)
        Evaluator(_sample())
        monkeypatch.setattr(budget, name, value - 1)
        with pytest.raises(ProgramError, match=f"more than {value - 1}"):
            Evaluator(_sample())
        monkeypatch.setattr(budget, name, value)


def _scaled(model: Model, factor: int) -> Model:
    """The program for crops so many times as large: what its activations would be."""

    def grown(type_: TensorType) -> TensorType:
        if len(type_.shape) != 4:
            return type_
        sides = tuple(side * factor if side > 1 else side for side in type_.shape[2:])
        return replace(type_, shape=(*type_.shape[:2], *sides))

    def step(item: Operation) -> Operation:
        outputs = tuple(replace(output, type=grown(output.type)) for output in item.outputs)
        return item if is_constant(item) else replace(item, outputs=outputs)

    inputs = tuple(replace(feature, type=grown(feature.type)) for feature in model.inputs)
    return replace(model, inputs=inputs, operations=tuple(map(step, model.operations)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_largest_network_has_room(precision: str) -> None:
    """A dense ResNet-18 for the largest crop that a contract allows; a sparse one costs no less here."""
    cost = program_cost(_scaled(_sample("resnet18", precision), 1024 // SIZE))
    limits = Cost(budget.MAX_LIVE, budget.MAX_MOVED, budget.MAX_PRODUCTS)
    assert 3 * cost.live < limits.live
    assert 3 * cost.moved < limits.moved
    assert 3 * cost.products < limits.products


def test_longer_programs_than_any_network_are_refused() -> None:
    many = _before([_ints(f"n{i}", 1) for i in range(MAX_OPERATIONS)])
    with pytest.raises(DecodeError, match=f"operations, more than {MAX_OPERATIONS}"):
        decode_model(*encode_model(many))
    model, weights = encode_model(replace(_sample(), description="x" * MAX_PROGRAM_BYTES))
    with pytest.raises(DecodeError, match=f"more than {MAX_PROGRAM_BYTES}"):
        decode_model(model, weights)


def test_a_result_of_another_shape_is_refused_before_it_is_computed() -> None:
    """What is declared is what is counted."""
    scalar = TensorType("float32", ())
    with pytest.raises(ProgramError, match=r"add: declares \(\) where it gives \(8192, 8192\)"):
        Evaluator(_before([*_thin(), _step("add", "s", scalar, x="c", y="r")])).run(
            {"input": np.zeros((1, 3, SIZE, SIZE), np.float32)}
        )


def _write(folder: Path, model: Model) -> ArtifactEntry:
    entry = write_artifact(folder, artifact("coreml", "mesonet", SIZE))
    for name, data in zip((MODEL_PATH, WEIGHTS_PATH), encode_model(model), strict=True):
        (folder / entry.path / name).write_bytes(data)
    data = {listed.path: (folder / listed.path).read_bytes() for listed in entry.files}
    return replace(entry, files=file_entries(data))


def test_the_backend_names_the_package(tmp_path: Path) -> None:
    entry = _write(tmp_path, _before(_all_alive()))
    with pytest.raises(BundleError, match=rf"{entry.path}: damaged: needs \d+ numbers in memory"):
        open_backend(tmp_path, entry)


_STARVED = """
import resource, sys
import numpy as np
from pathlib import Path
from edgedf.errors import BundleError
from edgedf.runtime.backend import open_backend
from tests.runtime.test_mil_budget import SIZE, starving
folder = Path(sys.argv[1])
entry = starving(folder)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20),) * 2)
try:
    with open_backend(folder, entry) as backend:
        backend.run(np.zeros((1, SIZE, SIZE, 3), np.uint8))
except BundleError as error:
    print(error)
"""


def starving(folder: Path) -> ArtifactEntry:
    """A package within the limits that takes 256 MiB to run."""
    return _write(folder, _before([*_thin(), _step("mul", "b", BIG, x="c", y="r")]))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux' means")
def test_too_little_memory_is_an_error_of_ours(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _STARVED, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "model.mlpackage: needs more memory than there is\nhint: " in ended.stdout
