"""int8 files without zeros, so computed in integers throughout, against their own floats and the gate.

`pytest tests/converters/test_native_int8_gate.py -rP` prints the figures.
"""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from converters import Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.part import check_files
from edgedf.assembly.stored import stored_logits
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.compact import compact_ticket
from edgedf.data.synth import evaluation_crops
from edgedf.native.engine import NativeModel
from edgedf.parity.golden import make_goldens
from edgedf.parity.reference import dense_logits, module_logits
from edgedf.parity.values import Evaluation
from tests.parity_samples import lively_ticket


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("cnn5", 128), ("resnet18", 96)])
def test_dense_network_in_integers_against_its_floats(arch: str, size: int) -> None:
    ticket = lively_ticket(arch, size=size, sparsity=0.0)
    crops = evaluation_crops(ticket.contract, count=100, seed=5)
    exact = module_logits(ticket.module())(crops.crops_nhwc)
    module = compact_ticket(ticket).module
    made = convert("native", module, ticket.contract, Options(precision="int8"))
    errors, flips = {}, {}
    for int8 in (True, False):
        with closing(NativeModel(made.files[made.path], int8=int8)) as model:
            layers = [step.kernel for step in model.steps() if step.fused.startswith("conv")]
            assert all(kernel.startswith("int8 ") == int8 for kernel in layers)
            got = model.run(crops.crops_nhwc)
            threshold = model.needs.contract.logit_threshold
            errors[int8] = float(np.abs(got - exact).max() / max(1.0, np.sqrt(np.mean(exact**2))))
            flips[int8] = int(((got >= threshold) != (exact >= threshold)).sum())
    print(
        f"{arch}@{size} dense int8: integers max error {errors[True]:.1e}, flips {flips[True]} of 100; "
        f"floats {errors[False]:.1e}, {flips[False]} of 100"
    )
    # Rounded activations must not cost as much again as the limit leaves for rounded weights.
    assert errors[True] <= errors[False] + TOLERANCES["int8"].max_logit_error / 2
    assert flips[True] <= flips[False] + 3


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "size"), [("mesonet", 128), ("cnn5", 128)])
def test_dense_network_in_integers_passes_the_gate_of_a_build(arch: str, size: int) -> None:
    """The check of stored weights included: it asks for the artifact's float32 arithmetic."""
    ticket = lively_ticket(arch, size=size, sparsity=0.0)
    dense, compacted = ticket.module(), compact_ticket(ticket)
    goldens = make_goldens(ticket.contract, [], dense_logits(dense))
    crops = evaluation_crops(ticket.contract, count=100, seed=5)
    evaluation = Evaluation(
        crops_nhwc=crops.crops_nhwc,
        labels=crops.labels,
        logits=module_logits(dense)(crops.crops_nhwc),
        source="rendered",
    )
    made = convert("native", compacted.module, ticket.contract, Options(precision="int8"))
    stored = stored_logits(compacted.graph, "native", "int8", goldens)
    report = check_files(made.files, artifact_entry(made), goldens, evaluation, stored=stored)
    assert report.outcome.name == "PASS", report.to_json()
