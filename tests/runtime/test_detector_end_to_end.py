"""From JPEG files to labels: the Detector repeats what training reported, picture by picture.

Nothing is shared between the two ways but the files: training reads its crop cache and runs PyTorch, the
Detector reads each JPEG, crops with the index's box and runs the artifact in its own runtime.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgedf.data.index import read_dataset
from edgedf.runtime.detector import Detector
from edgedf.ticket import read_ticket
from edgedf.training.evaluate import predict
from edgedf.training.evaluation import read_evaluation

TARGETS = ("executorch", "coreml", "tflite", "native")


def edgedf(*arguments: str) -> None:
    code = "from edgedf.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, a run and its bundle, made by the commands that a user types."""
    folder = tmp_path_factory.mktemp("world")
    faces, run = str(folder / "faces"), str(folder / "run")
    edgedf("data", "synth", faces, "--train", "240", "--validation", "60", "--test", "100", "--seed", "4")
    training = ["--recipe", "short", "--arch", "mesonet", "--sparsities", "0.8", "--controls", "none"]
    edgedf("train", faces, *training, "--epochs", "3", "--threads", "1", "--device", "cpu", "--out", run)
    edgedf("build", run, "--target", "all")
    return folder


def _training_says(run: Path, summary: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the test pictures in their order, and PyTorch's verdicts on training's own crops of them."""
    hashes = summary["evaluation"]["sha256"]
    crops_nhwc, labels = read_evaluation(run / "evaluation", hashes)
    logits = predict(read_ticket(run / summary["chosen"]["ticket"]).module(), crops_nhwc)
    return labels == 1, logits >= 0.0


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_verdict_is_what_training_reported(world: Path, target: str) -> None:
    run = json.loads((world / "run/run.json").read_text())
    chosen = next(p for p in run["points"] if p["ticket"] == run["chosen"]["ticket"])
    reported = chosen["metrics"]["test"]
    samples = read_dataset(world / "faces").splits["test"]
    labels, expected = _training_says(world / "run", run)
    assert [bool(sample.label) for sample in samples] == labels.tolist()
    verdicts = []
    with closing(Detector.open(world / "run/bundle.edgedf", target)) as detector:
        for sample in samples:
            assert sample.box is not None
            (verdict,) = detector.detect(world / "faces" / sample.path, boxes=[sample.box])
            verdicts.append(verdict.label == "fake")
    wrong = [s.path for s, got, want in zip(samples, verdicts, expected, strict=True) if got != want]
    assert wrong == []
    assert len(samples) == reported["count"] == 100
    assert int((np.array(verdicts) == labels).sum()) == round(reported["accuracy"] * len(samples))
