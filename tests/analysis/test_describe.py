"""`edgedf show` and the report: right facts, no crash on damage, nothing unescaped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from edgedf.analysis.describe import describe
from edgedf.analysis.report import Sources, gather, render
from edgedf.analysis.report.markup import tag
from edgedf.errors import EdgedfError
from edgedf.ticket import write_ticket
from tests.artifact_files import artifact
from tests.detector_bundle import bundle_ticket, write_sample

TARGETS = ("native", "executorch", "tflite", "coreml")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("describe") / "sample.edgedf", TARGETS)


def test_ticket_facts_are_the_tickets(tmp_path: Path) -> None:
    ticket = bundle_ticket()
    sha256 = write_ticket(tmp_path / "t.safetensors", ticket)
    shown = describe(tmp_path / "t.safetensors").to_json()
    assert shown["kind"] == "ticket"
    assert shown["sha256"] == sha256
    assert shown["nonzero"] == ticket.nonzero
    kept = {row["tensor"]: row["kept"] for row in shown["layers"] if row["sparsity"] is not None}
    assert kept == {name: int(mask.sum()) for name, mask in ticket.mask.items()}


def test_bundle_and_every_artifact_in_it_is_described(bundle: Path) -> None:
    shown = describe(bundle).to_json()
    assert [row["target"] for row in shown["artifacts"]] == list(TARGETS)
    for row in shown["artifacts"]:
        inner = describe(bundle / row["path"]).to_json()
        assert inner["kind"] == f"{row['target']} artifact"
        assert inner["size"] == row["size"]
        json.dumps(inner)


def test_inputs_and_operators_are_what_was_converted(bundle: Path) -> None:
    tflite = describe(bundle / "model.tflite").to_json()
    assert tflite["inputs"] == ["input float32 1x64x64x3"]
    assert tflite["outputs"] == ["logit float32 1x1"]
    operators = {row["operator"]: row["count"] for row in tflite["operators"]}
    assert operators["CONV_2D"] == 4
    assert not [name for name in operators if name.startswith("operator ")]
    methods = {row["method"]: row for row in describe(bundle / "model.pte").to_json()["methods"]}
    method = methods["forward"]
    assert method["inputs"] == "float32 1x3x64x64"
    assert (method["delegates"], method["kernel calls"]) == ("XnnpackBackend", 0)
    assert describe(bundle / "model.mlpackage").to_json()["inputs"] == ["input float32 1x3x64x64"]


@pytest.mark.parametrize("target", ["executorch", "tflite", "native"])
def test_a_damaged_artifact_is_an_error_or_a_description(target: str, tmp_path: Path) -> None:
    made = artifact(target, "mesonet", 64)
    data = made.files[made.path]
    generator = np.random.default_rng(9)
    path = tmp_path / made.path
    named: list[bool] = []
    for _ in range(300):
        broken = bytearray(data[: generator.integers(0, len(data))] if generator.random() < 0.3 else data)
        for place in generator.integers(0, max(1, min(len(broken), 3000)), 6):
            if broken:
                broken[place] = generator.integers(0, 256)
        path.write_bytes(bytes(broken))
        try:
            json.dumps(describe(path).to_json())
        except EdgedfError as error:
            named.append(str(path) in str(error))
    assert named
    assert all(named)


def test_report_is_one_page_that_loads_nothing(bundle: Path) -> None:
    page = render(gather(bundle, runs=1))
    assert page.count("<html") == 1
    assert not re.search(r'(?:src|href)\s*=\s*"(?!data:)', page)
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page
    assert "MIL reference" in page
    for target in TARGETS:
        assert f"<td>{target}</td>" in page


def test_everything_a_user_named_is_escaped() -> None:
    evil = '<script>alert("x")</script>'
    run = {
        "status": evil,
        "recipe": {evil: evil, "arch": evil},
        "seeds": [0],
        "dataset": {"name": evil, "description": evil},
        "machine": {evil: evil},
        "chosen": {"sparsity": 0.5, evil: evil},
        "points": [
            {
                "kind": evil,
                "round": 1,
                "seed": 0,
                "sparsity": 0.5,
                "nonzero": 10,
                "metrics": {"test": {"accuracy": 0.9, "auc": 0.95}},
            }
        ],
    }
    page = render(Sources(title=evil, run=run, not_run=(evil,)))
    assert "<script" not in page
    assert tag("a", evil, href=evil).text.count("<") == 2
