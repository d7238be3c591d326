"""The gate can say no to a changed bundle whose hashes were made right again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.recheck import recheck
from edgedf.bundle.golden import LOGITS_NAME, GoldenSet, golden_files
from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, Manifest
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import file_entries, write_bundle
from edgedf.errors import BundleError
from edgedf.files import canonical_json
from tests.parity_samples import lively_ticket
from tests.sabotage import (
    SIZE,
    TARGETS,
    TICKET,
    artifact,
    failed_check,
    honest,
    own_goldens,
)


def _bundle(path: Path, goldens: GoldenSet, target: str = "tflite") -> Manifest:
    ticket = lively_ticket(size=SIZE)
    made = artifact(target, honest)
    golden = golden_files(goldens)
    manifest = Manifest(
        name="sabotaged",
        contract=ticket.contract,
        arch=ticket.arch,
        arch_args=dict(ticket.arch_args),
        ticket_sha256=TICKET,
        lineage={},
        golden=file_entries(golden),
        artifacts=(artifact_entry(made),),
    )
    write_bundle(path, manifest, golden | dict(made.files))
    return manifest


@pytest.mark.parametrize("target", TARGETS)
def test_changed_golden_is_refused_by_hash_and_by_value(tmp_path: Path, target: str) -> None:
    goldens = own_goldens()
    _bundle(tmp_path / "a.edgedf", goldens, target)
    (tmp_path / "a.edgedf" / LOGITS_NAME).write_bytes(bytes(4 * len(goldens.pictures)))
    with pytest.raises(BundleError, match="sha256 differs"):
        open_bundle(tmp_path / "a.edgedf")
    logits = goldens.logits.copy()
    logits[2] += 0.01
    _bundle(tmp_path / "b.edgedf", replace(goldens, logits=logits), target)
    with open_bundle(tmp_path / "b.edgedf") as bundle:
        _, report = recheck(bundle, [target])
    assert failed_check(report).name == "values"
    assert failed_check(report).failures[0].startswith(f"{goldens.pictures[2].name} (index 2)")


@pytest.mark.parametrize("target", TARGETS)
def test_wrong_threshold_is_refused(tmp_path: Path, target: str) -> None:
    path = tmp_path / "a.edgedf"
    _bundle(path, own_goldens(), target)
    tree = json.loads((path / MANIFEST_NAME).read_bytes())
    tree["contract"]["threshold"] = 0.9
    data = canonical_json(tree)
    (path / MANIFEST_NAME).write_bytes(data)
    (path / CHECKSUM_NAME).write_bytes(checksum_line(data))
    with open_bundle(path) as bundle:
        report, _ = recheck(bundle, [target])
    check = failed_check(report)
    assert check.detail == "contract.threshold is 0.9, the goldens were made with 0.5"
