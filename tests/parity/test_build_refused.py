"""A build that the gate refuses: no bundle, the older one as it was, exit 1, on every target."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import converters
from edgedf.cli.main import main
from edgedf.compact.graph import Conv2d
from edgedf.compact.module import GraphModule
from edgedf.data.synth.writer import NAME as SYNTHETIC
from edgedf.ticket import write_ticket
from tests.parity_samples import lively_ticket

TARGETS = ("executorch", "coreml", "tflite", "native")
OPTIONS = ("--out", "app.edgedf", "--zip", "--crops", "90")


def _content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _edgedf(*arguments: str) -> int:
    try:
        main(list(arguments))
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a ticket that was trained on synthetic faces, says its lineage."""
    monkeypatch.chdir(tmp_path)
    made = lively_ticket()
    lineage = replace(made.lineage, dataset={"name": SYNTHETIC})
    write_ticket(tmp_path / "t.safetensors", replace(made, lineage=lineage))
    return tmp_path


def _changed(module: GraphModule) -> GraphModule:
    """The same network with the largest weight of its first convolution 10% larger."""
    nodes = list(module.graph.nodes)
    at = next(index for index, node in enumerate(nodes) if isinstance(node.op, Conv2d))
    op: Any = nodes[at].op
    weight = op.weight_oihw.copy()
    weight.flat[np.abs(weight).argmax()] *= 1.1
    nodes[at] = replace(nodes[at], op=replace(op, weight_oihw=weight))
    return GraphModule(replace(module.graph, nodes=tuple(nodes)))


def _sabotage(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on every converter converts another network than the one it was given."""
    honest = converters.convert

    def convert(target: str, module: GraphModule, *rest: Any) -> converters.Artifact:
        return honest(target, _changed(module), *rest)

    monkeypatch.setattr(converters, "convert", convert)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_refused_build_writes_nothing(
    folder: Path, target: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _sabotage(monkeypatch)
    before = _content(folder)
    assert _edgedf("build", "t.safetensors", "--target", target, *OPTIONS) == 1
    out, err = capsys.readouterr()
    assert "Gate: FAIL. No bundle was written." in out
    assert f"FAIL: {target}: values: max error" in out
    assert "worst" in out
    assert "Traceback" not in out + err
    assert _content(folder) == before


@pytest.mark.slow
def test_a_refused_build_leaves_the_older_bundle(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _edgedf("build", "t.safetensors", *OPTIONS) == 0, capsys.readouterr()
    before = _content(folder)
    assert {"app.edgedf/manifest.json", "app.edgedf.zip"} <= set(before)
    _sabotage(monkeypatch)
    capsys.readouterr()
    # Accepting what did not run accepts no failure.
    assert _edgedf("build", "t.safetensors", *OPTIONS, "--accept-not-run", "auc", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["bundle"], found["zip"]) == ("fail", None, None)
    assert {target["target"]: target["outcome"] for target in found["targets"]} == dict.fromkeys(
        TARGETS, "fail"
    )
    assert _content(folder) == before
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert _edgedf("parity", "app.edgedf") == 0
