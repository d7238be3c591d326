"""A bundle whose manifest says other things than its model file is not used: verdicts would go by either."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgedf import Detector
from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME, TARGETS
from edgedf.cli.main import main
from edgedf.errors import BundleError
from edgedf.files import canonical_json
from edgedf.runtime.backend import Backend
from edgedf.runtime.native_backend import NativeBackend
from tests.detector_bundle import write_sample


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("contradicting") / "sample.edgedf", TARGETS)


def _edited(bundle: Path, copy: Path, edit: Callable[[Any], object]) -> Path:
    """A copy whose manifest is another, every hash made right, as its maker would."""
    for path in (p for p in bundle.rglob("*") if p.is_file()):
        place = copy / path.relative_to(bundle)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    tree = json.loads((copy / MANIFEST_NAME).read_bytes())
    edit(tree)
    data = canonical_json(tree)
    (copy / MANIFEST_NAME).write_bytes(data)
    (copy / CHECKSUM_NAME).write_bytes(checksum_line(data))
    return copy


@pytest.mark.parametrize(
    ("target", "field", "value", "own"),
    [
        *((target, "threshold", 0.999999, 0.5) for target in (None, *TARGETS)),
        *((target, "temperature", 3.5, 1.0) for target in ("native", "tflite")),
        *((target, "box_scale", 2.0, 1.3) for target in ("native", "tflite")),
    ],
)
def test_another_contract_than_the_files_is_refused(
    bundle: Path, tmp_path: Path, target: str | None, field: str, value: float, own: float
) -> None:
    changed = _edited(bundle, tmp_path / "b.edgedf", lambda tree: tree["contract"].update({field: value}))
    with pytest.raises(BundleError) as caught:
        Detector.open(changed, target)
    assert caught.value.problem == f"the file carries contract.{field} {own}, the bundle says {value}"
    assert (caught.value.file, (caught.value.field or "").partition(".")[0]) == (str(changed), "model")
    assert caught.value.hint


@pytest.mark.parametrize("target", TARGETS)
def test_another_ticket_than_the_files_is_refused(bundle: Path, tmp_path: Path, target: str) -> None:
    changed = _edited(bundle, tmp_path / "b.edgedf", lambda tree: tree.update(ticket_sha256="cd" * 32))
    with pytest.raises(
        BundleError, match=r"carries ticket 'abababababab'\.\.\., the bundle was built from cd"
    ):
        Detector.open(changed, target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_bundle_that_agrees_opens(bundle: Path, tmp_path: Path, target: str) -> None:
    same = _edited(bundle, tmp_path / "b.edgedf", lambda tree: tree["lineage"].update(seed=2))
    with Detector.open(same, target) as detector:
        assert detector.target == target


def test_detect_ends_with_2_and_frees_the_model(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed: list[Backend] = []
    close = NativeBackend.close

    def noted(backend: NativeBackend) -> None:
        closed.append(backend)
        close(backend)

    monkeypatch.setattr(NativeBackend, "close", noted)
    changed = _edited(bundle, tmp_path / "b.edgedf", lambda tree: tree["contract"].update(threshold=0.9))
    with pytest.raises(SystemExit) as caught:
        main(["detect", "none.jpg", "--bundle", str(changed)])
    assert caught.value.code == 2
    assert "the file carries contract.threshold 0.5, the bundle says 0.9" in capsys.readouterr().err
    assert closed
