"""The gate can say no to a wrong label: a precision chooses the tolerances, so the file must tell it too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from converters import Artifact, convert, tflite_file
from converters.native_format import nodes
from converters.native_format.weights import StoredWeights, store_weights
from edgedf.assembly.artifact import artifact_entry, on_disk
from edgedf.bundle.manifest import OFFERED, PRECISIONS
from edgedf.compact.graph import F32, Conv2d, Linear
from edgedf.parity.check import check_artifact
from edgedf.parity.gate import Outcome, Report
from edgedf.runtime.stored_precision import MIXED, told_precisions
from tests.parity_samples import lively_ticket
from tests.sabotage import (
    FORMS,
    SIZE,
    TICKET,
    artifact,
    compacted,
    failed_check,
    honest,
    options,
    own_goldens,
)

WRONG = [(target, own, label) for target, own in FORMS for label in PRECISIONS if label != own]


def _check(made: Artifact) -> Report:
    """What `edgedf parity` says of the files, with the tolerances of their label."""
    with on_disk(made.files) as folder:
        return check_artifact(
            folder, artifact_entry(made), own_goldens(), None, want_auc=False, ticket_sha256=TICKET
        )


def _told(made: Artifact) -> tuple[str, ...]:
    with on_disk(made.files) as folder:
        return told_precisions(Path(folder), artifact_entry(made))


@pytest.mark.parametrize(("target", "precision"), FORMS)
def test_every_form_that_edgedf_writes_tells_its_own_precision(target: str, precision: str) -> None:
    made = artifact(target, honest, precision)
    assert precision in OFFERED[target]
    assert set(_told(made)) == (set() if target == "executorch" else {precision})
    assert next(c for c in _check(made).checks if c.name == "open").outcome is Outcome.PASS


@pytest.mark.parametrize(("target", "own", "label"), WRONG)
def test_another_label_is_refused(target: str, own: str, label: str) -> None:
    check = failed_check(_check(replace(artifact(target, honest, own), precision=label)))
    assert check.name == "open"
    lines = [f"the file holds {own} weights, the manifest says {label}"] if target != "executorch" else []
    if label not in OFFERED[target]:
        lines.insert(0, f"edgedf writes no {target} at {label}")
    assert set(check.failures) == set(lines)


def test_a_package_that_lies_about_itself_is_refused() -> None:
    """Its own text is changed too: the program still computes in float32."""
    made = artifact("coreml", honest)
    files = {name: data.replace(b"float32", b"float16") for name, data in made.files.items()}
    assert files != dict(made.files)
    for label, told in (("float16", "float32"), ("float32", "float16")):
        check = failed_check(_check(replace(made, files=files, precision=label)))
        assert check.failures == (f"the file holds {told} weights, the manifest says {label}",)


def test_a_tflite_with_large_weights_in_float32_is_no_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite_file, "MIN_HALF_ELEMENTS", _largest_weight())
    made = convert("tflite", compacted().module, lively_ticket(size=SIZE).contract, options("float16"))
    assert _told(made) == (MIXED,)
    assert failed_check(_check(made)).detail == "the file holds mixed weights, the manifest says float16"


def test_a_native_file_with_one_layer_in_float32_is_no_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[str] = []

    def store(weight: F32, precision: str, name: str) -> StoredWeights:
        stored.append(name)
        return store_weights(weight, "float32" if len(stored) == 1 else precision, name)

    monkeypatch.setattr(nodes, "store_weights", store)
    made = convert("native", compacted().module, lively_ticket(size=SIZE).contract, options("int8"))
    assert _told(made) == (MIXED,)
    assert failed_check(_check(made)).detail == "the file holds mixed weights, the manifest says int8"


def _largest_weight() -> int:
    ops = [node.op for node in compacted().graph.nodes]
    return max(
        *(op.weight_oihw.size for op in ops if isinstance(op, Conv2d)),
        *(op.weight_oi.size for op in ops if isinstance(op, Linear)),
    )
