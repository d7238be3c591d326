"""The gate can say no to a wrong file: cut, mislabelled, or carrying another contract or ticket."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from converters import Artifact
from edgedf.parity.gate import Outcome, Report
from tests.parity_samples import lively_ticket
from tests.sabotage import (
    SIZE,
    TARGETS,
    TICKET,
    artifact,
    failed_check,
    gate_report,
    honest,
)


@pytest.mark.parametrize("target", TARGETS)
def test_truncated_file_is_refused(target: str) -> None:
    made = artifact(target, honest)
    largest = max(made.files, key=lambda name: len(made.files[name]))
    cut = dict(made.files) | {largest: made.files[largest][: len(made.files[largest]) // 3]}
    assert failed_check(gate_report(made, cut)).name in ("open", "values")


@pytest.mark.parametrize("target", TARGETS)
def test_wrong_layout_is_refused(target: str) -> None:
    made = artifact(target, honest)
    nhwc, nchw = ("NHWC", (1, SIZE, SIZE, 3)), ("NCHW", (1, 3, SIZE, SIZE))
    layout, shape = nchw if made.input.layout == "NHWC" else nhwc
    lie = replace(made, input=replace(made.input, layout=layout, shape=shape))
    report = gate_report(lie)
    assert report.outcome is Outcome.FAIL
    assert next(c for c in report.checks if c.outcome is Outcome.FAIL).name == "shapes"


@pytest.mark.parametrize("target", ["coreml", "tflite"])
def test_wrong_names_are_refused(target: str) -> None:
    made = artifact(target, honest)
    report = gate_report(replace(made, output=replace(made.output, name="score")))
    assert next(c for c in report.checks if c.outcome is Outcome.FAIL).name == "names"


def _edited(made: Artifact, *edits: tuple[bytes, bytes]) -> dict[str, bytes]:
    """The artifact's files with texts replaced by others of equal length, checksums made right."""
    files = dict(made.files)
    for before, after in edits:
        assert len(before) == len(after)
        assert any(before in data for data in files.values()), before
        files = {name: data.replace(before, after) for name, data in files.items()}
    if made.target == "native":
        data = files[made.path]
        files[made.path] = data[:12] + struct.pack("<I", zlib.crc32(data[16:])) + data[16:]
    return files


def _resealed(made: Artifact, files: Mapping[str, bytes]) -> Report:
    """The report on edited files whose hashes the manifest knows."""
    return gate_report(replace(made, files=files), files)


@pytest.mark.parametrize("target", TARGETS)
def test_a_carried_threshold_that_is_not_the_contracts_is_refused(target: str) -> None:
    """Programs without the manifest go by what the file says."""
    made = artifact(target, honest)
    edits = [(b'"threshold": 0.5', b'"threshold": 0.9')]
    if target == "native":
        half = lively_ticket(size=SIZE).contract
        other = replace(half, threshold=0.9)
        edits = [
            (
                struct.pack("<3d", half.threshold, half.temperature, half.logit_threshold),
                struct.pack("<3d", other.threshold, other.temperature, other.logit_threshold),
            ),
        ]
    check = failed_check(_resealed(made, _edited(made, *edits)))
    assert check.name == "open"
    assert check.detail == "the file carries contract.threshold 0.9, the bundle says 0.5"


@pytest.mark.parametrize("target", ["executorch", "coreml", "tflite"])
def test_a_carried_contract_hash_that_is_not_the_contracts_is_refused(target: str) -> None:
    made = artifact(target, honest)
    own = lively_ticket(size=SIZE).contract.sha256.encode()
    check = failed_check(_resealed(made, _edited(made, (own, b"cd" * 32))))
    assert check.name == "open"
    assert "contract_sha256 'cdcdcdcdcdcd'" in check.detail


@pytest.mark.parametrize("target", TARGETS)
def test_a_carried_ticket_that_is_not_the_bundles_is_refused(target: str) -> None:
    made = artifact(target, honest)
    check = failed_check(_resealed(made, _edited(made, (TICKET.encode(), b"cd" * 32))))
    assert check.name == "open"
    assert (
        check.detail == "the file carries ticket 'cdcdcdcdcdcd'..., the bundle was built from abababababab..."
    )
    other_name = (b"edgedf.ticket_sha256", b"edgedf.ticket_sha255")
    check = failed_check(_resealed(made, _edited(made, other_name)))
    assert check.detail == "the file carries no ticket, the bundle was built from abababababab..."


@pytest.mark.parametrize(
    ("target", "name"),
    [("executorch", b"edgedf_metadata"), ("coreml", b"edgedf.contract"), ("tflite", b"edgedf")],
)
def test_a_file_without_a_contract_is_refused(target: str, name: bytes) -> None:
    made = artifact(target, honest)
    # Only the entry's own name, not the keys and texts that begin alike.
    files = {
        path: re.sub(rb"(?<![a-zA-Z_ ])" + re.escape(name) + rb"(?![a-zA-Z_.])", name[:-1] + b"X", data)
        for path, data in made.files.items()
    }
    assert files != dict(made.files)
    check = failed_check(_resealed(made, files))
    assert check.name == "open"
    assert "carries no contract" in check.detail
