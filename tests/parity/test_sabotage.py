"""The gate can say no: sabotaged artifacts of every target are refused, each for the right reason."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from converters import Artifact, Options, convert
from edgedf.assembly.artifact import artifact_entry
from edgedf.assembly.part import check_files
from edgedf.assembly.recheck import recheck
from edgedf.bundle.golden import LOGITS_NAME, GoldenSet, golden_files
from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, Manifest
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import file_entries, write_bundle
from edgedf.compact import Compacted, compact_ticket
from edgedf.compact.graph import INPUT, Affine, Conv2d, Graph, Node
from edgedf.compact.module import GraphModule
from edgedf.errors import BundleError
from edgedf.files import canonical_json
from edgedf.parity.gate import Check, Outcome, Report
from edgedf.parity.golden import make_goldens
from edgedf.parity.reference import dense_logits, wrong_inputs
from tests.parity_samples import lively_ticket

TARGETS = ("executorch", "coreml", "tflite", "native")
# The native target also computes with weights of 11 and 8 bits: its gate is wider there, not blind.
NATIVE_ROUNDED = (("native", "float16"), ("native", "int8"))
FORMS = (*((target, "float32") for target in TARGETS), *NATIVE_ROUNDED)
SIZE = 64
TICKET = "ab" * 32


@lru_cache(maxsize=2)
def _compacted(seed: int = 0) -> Compacted:
    return compact_ticket(lively_ticket(size=SIZE, seed=seed))


@lru_cache(maxsize=1)
def _goldens() -> GoldenSet:
    ticket = lively_ticket(size=SIZE)
    return make_goldens(ticket.contract, [], dense_logits(ticket.module()))


@lru_cache(maxsize=32)
def _artifact(target: str, sabotage: Callable[[Graph], Graph], precision: str = "float32") -> Artifact:
    module = GraphModule(sabotage(_compacted().graph))
    return convert(target, module, lively_ticket(size=SIZE).contract, _options(precision))


def _options(precision: str) -> Options:
    return Options(precision=precision, metadata={"edgedf.ticket_sha256": TICKET})


def _report(artifact: Artifact, files: Mapping[str, bytes] | None = None) -> Report:
    return check_files(
        artifact.files if files is None else files,
        artifact_entry(artifact),
        _goldens(),
        None,
        wrong_inputs(lively_ticket(size=SIZE).module()),
        TICKET,
    )


def _failed(report: Report) -> Check:
    """The one failed check."""
    assert report.outcome is Outcome.FAIL
    (check,) = [check for check in report.checks if check.outcome is Outcome.FAIL]
    assert check.failures
    return check


# ---- sabotage of the network, before it is converted


def _honest(graph: Graph) -> Graph:
    return graph


def _first_conv(graph: Graph, change: Callable[[np.ndarray], np.ndarray]) -> Graph:
    nodes = list(graph.nodes)
    at = next(i for i, node in enumerate(nodes) if isinstance(node.op, Conv2d))
    node = nodes[at]
    assert isinstance(node.op, Conv2d)
    weight = np.ascontiguousarray(change(node.op.weight_oihw.copy()))
    nodes[at] = replace(node, op=replace(node.op, weight_oihw=weight))
    return replace(graph, nodes=tuple(nodes))


def _one_weight(graph: Graph) -> Graph:
    def change(weight: np.ndarray) -> np.ndarray:
        weight.flat[np.abs(weight).argmax()] *= 1.1
        return weight

    return _first_conv(graph, change)


def _two_channels(graph: Graph) -> Graph:
    return _first_conv(graph, lambda weight: weight[[1, 0, *range(2, len(weight))]])


def _bgr(graph: Graph) -> Graph:
    return _before(graph, np.eye(3, dtype=np.float32)[::-1].reshape(3, 3, 1, 1).copy())


def _before(graph: Graph, weight_oihw: np.ndarray) -> Graph:
    extra = Node(name="sabotage", op=Conv2d(weight_oihw=weight_oihw), inputs=(INPUT,))
    return _insert(graph, extra)


def _insert(graph: Graph, extra: Node) -> Graph:
    later = tuple(
        replace(node, inputs=tuple("sabotage" if name == INPUT else name for name in node.inputs))
        for node in graph.nodes
    )
    return replace(graph, nodes=(extra, *later))


def _normalised_twice(graph: Graph) -> Graph:
    scale = np.full(3, 1 / 64, np.float32)
    op = Affine(scale_c=scale, shift_c=np.full(3, -2, np.float32))
    return _insert(graph, Node(name="sabotage", op=op, inputs=(INPUT,)))


@pytest.mark.parametrize(("target", "precision"), FORMS)
def test_honest_artifact_passes_what_runs(target: str, precision: str) -> None:
    report = _report(_artifact(target, _honest, precision))
    assert {c.name: c.outcome for c in report.checks if c.name != "auc"} == dict.fromkeys(
        ("names", "shapes", "open", "values", "flips"), Outcome.PASS
    )
    assert report.outcome is Outcome.NOT_RUN  # no evaluation crops here, and that is not a pass


@pytest.mark.slow
@pytest.mark.parametrize(("target", "precision"), FORMS)
@pytest.mark.parametrize(
    ("sabotage", "reason"),
    [
        (_one_weight, "max error"),
        (_two_channels, "max error"),
        (_bgr, "it expects BGR"),
        (_normalised_twice, "normalised twice"),
    ],
)
def test_sabotaged_network_is_refused(
    target: str, precision: str, sabotage: Callable[[Graph], Graph], reason: str
) -> None:
    report = _report(_artifact(target, sabotage, precision))
    check = next(check for check in report.checks if check.name == "values")
    assert report.outcome is Outcome.FAIL
    assert check.outcome is Outcome.FAIL
    assert reason in check.detail
    assert "worst" in check.detail


@pytest.mark.parametrize(("target", "precision"), FORMS)
def test_other_tickets_model_is_refused(target: str, precision: str) -> None:
    contract = lively_ticket(size=SIZE).contract
    report = _report(convert(target, _compacted(seed=5).module, contract, _options(precision)))
    values = next(check for check in report.checks if check.name == "values")
    assert values.outcome is Outcome.FAIL
    assert len(values.failures) > 10


# ---- sabotage of an artifact's form


@pytest.mark.parametrize("target", TARGETS)
def test_truncated_file_is_refused(target: str) -> None:
    made = _artifact(target, _honest)
    largest = max(made.files, key=lambda name: len(made.files[name]))
    cut = dict(made.files) | {largest: made.files[largest][: len(made.files[largest]) // 3]}
    assert _failed(_report(made, cut)).name in ("open", "values")


@pytest.mark.parametrize("target", TARGETS)
def test_wrong_layout_is_refused(target: str) -> None:
    made = _artifact(target, _honest)
    nhwc, nchw = ("NHWC", (1, SIZE, SIZE, 3)), ("NCHW", (1, 3, SIZE, SIZE))
    layout, shape = nchw if made.input.layout == "NHWC" else nhwc
    lie = replace(made, input=replace(made.input, layout=layout, shape=shape))
    report = _report(lie)
    assert report.outcome is Outcome.FAIL
    assert next(c for c in report.checks if c.outcome is Outcome.FAIL).name == "shapes"


@pytest.mark.parametrize("target", ["coreml", "tflite"])
def test_wrong_names_are_refused(target: str) -> None:
    made = _artifact(target, _honest)
    report = _report(replace(made, output=replace(made.output, name="score")))
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
    return _report(replace(made, files=files), files)


@pytest.mark.parametrize("target", TARGETS)
def test_a_carried_threshold_that_is_not_the_contracts_is_refused(target: str) -> None:
    """Programs without the manifest go by what the file says."""
    made = _artifact(target, _honest)
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
    check = _failed(_resealed(made, _edited(made, *edits)))
    assert check.name == "open"
    assert check.detail == "the file carries contract.threshold 0.9, the bundle says 0.5"


@pytest.mark.parametrize("target", ["executorch", "coreml", "tflite"])
def test_a_carried_contract_hash_that_is_not_the_contracts_is_refused(target: str) -> None:
    made = _artifact(target, _honest)
    own = lively_ticket(size=SIZE).contract.sha256.encode()
    check = _failed(_resealed(made, _edited(made, (own, b"cd" * 32))))
    assert check.name == "open"
    assert "contract_sha256 'cdcdcdcdcdcd'" in check.detail


@pytest.mark.parametrize("target", TARGETS)
def test_a_carried_ticket_that_is_not_the_bundles_is_refused(target: str) -> None:
    made = _artifact(target, _honest)
    check = _failed(_resealed(made, _edited(made, (TICKET.encode(), b"cd" * 32))))
    assert check.name == "open"
    assert (
        check.detail == "the file carries ticket 'cdcdcdcdcdcd'..., the bundle was built from abababababab..."
    )
    other_name = (b"edgedf.ticket_sha256", b"edgedf.ticket_sha255")
    check = _failed(_resealed(made, _edited(made, other_name)))
    assert check.detail == "the file carries no ticket, the bundle was built from abababababab..."


@pytest.mark.parametrize(
    ("target", "name"),
    [("executorch", b"edgedf_metadata"), ("coreml", b"edgedf.contract"), ("tflite", b"edgedf")],
)
def test_a_file_without_a_contract_is_refused(target: str, name: bytes) -> None:
    made = _artifact(target, _honest)
    # Only the entry's own name, not the keys and texts that begin alike.
    files = {
        path: re.sub(rb"(?<![a-zA-Z_ ])" + re.escape(name) + rb"(?![a-zA-Z_.])", name[:-1] + b"X", data)
        for path, data in made.files.items()
    }
    assert files != dict(made.files)
    check = _failed(_resealed(made, files))
    assert check.name == "open"
    assert "carries no contract" in check.detail


# ---- sabotage of a finished bundle, hashes made right again


def _bundle(path: Path, goldens: GoldenSet, target: str = "tflite") -> Manifest:
    ticket = lively_ticket(size=SIZE)
    made = _artifact(target, _honest)
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
    goldens = _goldens()
    _bundle(tmp_path / "a.edgedf", goldens, target)
    (tmp_path / "a.edgedf" / LOGITS_NAME).write_bytes(bytes(4 * len(goldens.pictures)))
    with pytest.raises(BundleError, match="sha256 differs"):
        open_bundle(tmp_path / "a.edgedf")
    logits = goldens.logits.copy()
    logits[2] += 0.01
    _bundle(tmp_path / "b.edgedf", replace(goldens, logits=logits), target)
    with open_bundle(tmp_path / "b.edgedf") as bundle:
        _, report = recheck(bundle, [target])
    assert _failed(report).name == "values"
    assert _failed(report).failures[0].startswith(f"{goldens.pictures[2].name} (index 2)")


@pytest.mark.parametrize("target", TARGETS)
def test_wrong_threshold_is_refused(tmp_path: Path, target: str) -> None:
    path = tmp_path / "a.edgedf"
    _bundle(path, _goldens(), target)
    tree = json.loads((path / MANIFEST_NAME).read_bytes())
    tree["contract"]["threshold"] = 0.9
    data = canonical_json(tree)
    (path / MANIFEST_NAME).write_bytes(data)
    (path / CHECKSUM_NAME).write_bytes(checksum_line(data))
    with open_bundle(path) as bundle:
        report, _ = recheck(bundle, [target])
    check = _failed(report)
    assert check.detail == "contract.threshold is 0.9, the goldens were made with 0.5"
