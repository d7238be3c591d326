"""float32, float16 and int8 native artifacts through the gate: what it measures, and what it refuses.

`pytest tests/converters/test_native_gate.py -rP` prints the figures.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from converters import Artifact, Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.evaluation import find_evaluation
from edgedf.assembly.part import check_files
from edgedf.assembly.source import Source, read_source
from edgedf.bundle.golden import GoldenSet
from edgedf.compact import compact_ticket
from edgedf.contract import Contract
from edgedf.data.synth import evaluation_crops
from edgedf.native.model_header import read_header
from edgedf.parity.gate import Outcome, Report
from edgedf.parity.golden import make_goldens
from edgedf.parity.reference import dense_logits, module_logits
from edgedf.parity.values import Evaluation
from edgedf.ticket import Ticket
from tests.parity_samples import lively_ticket

PRECISIONS = ("float32", "float16", "int8")
ARCHITECTURES = (("mesonet", 128), ("cnn5", 128), ("resnet18", 64))


@lru_cache(maxsize=4)
def _case(arch: str, size: int) -> tuple[Ticket, GoldenSet, Evaluation]:
    """A 90% sparse ticket with lively logits; "demo" is the ticket that edgedf ships."""
    if arch == "demo":
        source: Source = read_source(None)
        ticket = source.ticket
        crops = find_evaluation(source, None, 400)
        assert crops is not None
        pictures, labels = crops.crops_nhwc, crops.labels
    else:
        ticket = lively_ticket(arch, size=size, sparsity=0.9)
        rendered = evaluation_crops(ticket.contract, count=100, seed=5)
        pictures, labels = rendered.crops_nhwc, rendered.labels
    dense = ticket.module()
    evaluation = Evaluation(
        crops_nhwc=pictures, labels=labels, logits=module_logits(dense)(pictures), source="rendered"
    )
    return ticket, make_goldens(ticket.contract, [], dense_logits(dense)), evaluation


def _report(ticket: Ticket, precision: str, goldens: GoldenSet, evaluation: Evaluation | None) -> Report:
    made = _artifact(ticket, precision)
    return check_files(made.files, artifact_entry(made), goldens, evaluation)


def _artifact(ticket: Ticket, precision: str, contract: Contract | None = None) -> Artifact:
    module = compact_ticket(ticket).module
    return convert("native", module, contract or ticket.contract, Options(precision=precision))


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "size"), [("demo", 128), *ARCHITECTURES])
def test_every_precision_passes_the_gate(arch: str, size: int) -> None:
    ticket, goldens, evaluation = _case(arch, size)
    for precision in PRECISIONS:
        report = _report(ticket, precision, goldens, evaluation)
        found = report.metrics
        print(
            f"{arch}@{size} {precision}: max error {found['max_logit_error']:.1e}, "
            f"RMS error {found['rms_logit_error']:.1e}, "
            f"flips {found['golden_flips'] + found['evaluation_flips']} of "
            f"{found['goldens'] + found['evaluation_crops']}, AUC change {found['auc_change']:+.5f}"
        )
        assert report.outcome is Outcome.PASS, report.to_json()
        # Where nothing is rounded the engine is ten times better than the gate asks.
        assert found["max_logit_error"] <= (1e-5 if precision == "float32" else 1)


def test_smaller_precision_is_smaller_and_less_exact() -> None:
    ticket, goldens, _ = _case("mesonet", 128)
    made = [_artifact(ticket, precision) for precision in PRECISIONS]
    sizes = [sum(map(len, artifact.files.values())) for artifact in made]
    assert sizes[0] > sizes[1] > sizes[2]
    errors = [_report(ticket, p, goldens, None).metrics["rms_logit_error"] for p in PRECISIONS]
    assert errors[0] < errors[1] < errors[2]


def test_file_names_its_ticket_and_not_twice_its_contract() -> None:
    texts = {"edgedf.ticket_sha256": "ab" * 32, "edgedf.contract_sha256": "cd" * 32, "edgedf.arch": "mesonet"}
    ticket, _, _ = _case("mesonet", 128)
    made = convert("native", compact_ticket(ticket).module, ticket.contract, Options(metadata=texts))
    kept = {"edgedf.arch": "mesonet", "edgedf.ticket_sha256": "ab" * 32}
    assert dict(read_header(made.files[made.path]).metadata) == kept


@pytest.mark.parametrize("change", [{"threshold": 0.9}, {"temperature": 2.0}, {"box_scale": 1.5}])
def test_file_with_another_contract_is_refused(change: dict[str, float]) -> None:
    """`edgedf-run` goes by the file alone: a threshold of its own would give another verdict."""
    ticket, goldens, _ = _case("mesonet", 128)
    made = _artifact(ticket, "int8", replace(ticket.contract, **change))
    report = check_files(made.files, artifact_entry(made), goldens, None)
    failed = [check for check in report.checks if check.outcome is Outcome.FAIL]
    assert [check.name for check in failed] == ["open"]
    (name,) = change
    assert f"contract.{name} {change[name]!r}" in failed[0].detail


def test_manifest_with_another_size_is_refused() -> None:
    ticket, goldens, _ = _case("mesonet", 128)
    made = _artifact(ticket, "float16")
    lie = replace(made, input=replace(made.input, shape=(1, 64, 64, 3)))
    report = check_files(made.files, artifact_entry(lie), goldens, None)
    detail = " ".join(check.detail for check in report.checks if check.outcome is Outcome.FAIL)
    assert "takes (1, 128, 128, 3), the manifest says (1, 64, 64, 3)" in detail


@pytest.mark.parametrize("precision", PRECISIONS)
def test_file_with_one_changed_weight_byte_is_refused(precision: str) -> None:
    """Every byte is under the checksum, so a flipped bit cannot even become a number."""
    ticket, goldens, _ = _case("mesonet", 128)
    made = _artifact(ticket, precision)
    data = bytearray(made.files[made.path])
    for at in np.linspace(16, len(data) - 1, 20).astype(int):
        changed = bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1 :])
        files = {made.path: changed}
        # The manifest's own hash would find it first; the file's must find it alone.
        report = check_files(files, artifact_entry(replace(made, files=files)), goldens, None)
        assert report.outcome is Outcome.FAIL
        assert "checksum" in report.checks[-1].detail or "truncated" in report.checks[-1].detail
