"""A manifest that was edited on purpose, its checksum made right again, is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME
from edgedf.bundle.reader import open_bundle
from edgedf.errors import BundleError


def _rewrite(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest and make its checksum right again, as a determined person would."""
    tree = json.loads((folder / MANIFEST_NAME).read_bytes())
    edit(tree)
    data = json.dumps(tree).encode()
    (folder / MANIFEST_NAME).write_bytes(data)
    (folder / CHECKSUM_NAME).write_bytes(checksum_line(data))


def _path(value: str) -> Callable[[dict[str, Any]], None]:
    def edit(tree: dict[str, Any]) -> None:
        tree["artifacts"][1]["files"][0]["path"] = value

    return edit


def _set(*keys: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(tree: Any) -> None:
        for key in keys[:-1]:
            tree = tree[key]
        tree[keys[-1]] = to

    return edit


def _parity(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    return _set("artifacts", 0, "parity", *keys, to=to)


def _both(index: int, **fields: str) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree["artifacts"][index].update(fields)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_path("../model.tflite"), "leaves the bundle"),
        (_path("/etc/passwd"), "plain relative path"),
        (_path("C:/model.tflite"), "holds characters"),
        (_path("golden\\000.crop"), "holds characters"),
        (_path("model.tflite."), "Windows"),
        (_path("NUL.tflite"), "Windows"),
        (_path("MODEL.MLPACKAGE"), "side by side"),
        (_path("manifest.JSON"), "side by side"),
        (_path("model.mlpackage/Manifest.json/x"), "side by side"),
        (_path("golden/000.crop"), "side by side"),
        (_path("golden/evil"), "is not at"),
        (_path("mödel.tflite"), "holds characters"),
        (_set("format_version", to=2), "this edgedf reads version 1"),
        (_set("format_version", to=True), "this edgedf reads version 1"),
        (_set("format_version", to=1.0), "this edgedf reads version 1"),
        (_set("arch", to="mesonet\x1b[2J"), "cannot be printed"),
        (_set("arch_args", to={"size": "\x1b"}), "printable"),
        (_set("lineage", to={"a": "\x1b[31m"}), "printable"),
        (_parity("outcome", to="fail"), "expected pass or not_run"),
        (_parity("outcome", to="not_run"), "its checks say otherwise"),
        (_parity("outcome", to=None), "expected pass or not_run"),
        (_parity("surprise", to=1), "parity.surprise.*unknown field"),
        (_parity("runtime", to="\x1b"), "cannot be printed"),
        (_parity("runtime", to="x" * 501), "at most 500"),
        (_parity("checks", "values", to="fail"), "expected pass or not_run"),
        (_parity("checks", "auc", to="not_run"), "its checks say otherwise"),
        (_parity("checks", "luck", to="pass"), "is no check"),
        (_parity("conversion", to=None), "where that check ran"),
        (_parity("checks", "conversion", to="not_run"), "where that check ran"),
        (_parity("conversion", to={"measured": 0}), "conversion.allowed: missing field"),
        (_parity("conversion", "measured", to=2.1e-5), "conversion.measured"),
        (_parity("conversion", "measured", to=float("nan")), "manifest"),
        (_parity("conversion", "allowed", to=1e-4), "conversion.allowed"),
        (_parity("metrics", to=None), "where the check of values ran"),
        (_parity("metrics", to={}), "missing field"),
        (_parity("metrics", "max_logit_error", to="small"), "expected a number"),
        (_parity("metrics", "max_logit_error", to=-1), "expected a number"),
        (_parity("metrics", "max_logit_error", to=2e-4), "more than the 0.0001"),
        (_parity("metrics", "rms_logit_error", to=True), "expected a number"),
        (_parity("metrics", "golden_flips", to=21), r"expected an integer in 0\.\.20"),
        (_parity("metrics", "golden_flips", to=4), "flips is 0.00952, more than the 0.001"),
        (_parity("metrics", "goldens", to=1.0), "expected an integer"),
        (_parity("metrics", "evaluation_flips", to=None), "where crops are"),
        (_parity("metrics", "auc_change", to=-0.01), "auc_drop is 0.01"),
        (_parity("metrics", "auc_change", to=-2), "expected a number in -1..1"),
        (_set("artifacts", 0, "tools", to={"\x1b": "1"}), "printable"),
        (_set("artifacts", 0, "tolerances", "flips", to=2), "is 2, expected a number in 0..1"),
        (
            _set("artifacts", 0, "tolerances", "max_logit_error", to=1),
            r"artifacts\[0\].tolerances.max_logit_error: is 1, looser than the 0.0001 that float32",
        ),
        (_set("artifacts", 0, "tolerances", "flips", to=0.0011), "tolerances.flips: is 0.0011, looser"),
        (_set("artifacts", 0, "tolerances", "auc_drop", to=0.01), "tolerances.auc_drop: is 0.01, looser"),
        (_set("name", to="../x"), "plain name"),
        (_set("artifacts", 1, "target", to="coreml"), "twice"),
        (_set("artifacts", 1, "files", to=[]), "is empty"),
        (_set("artifacts", 1, "files", 0, "size", to=1 << 30), "larger than 1073741824 bytes"),
        (_set("contract", "threshold", to=2), "threshold"),
        (_set("golden", 0, "sha256", to="AB" * 32), "sha256"),
        (_set("golden", 0, "size", to=1 << 29), "larger than 268435456 bytes"),
        (_set("artifacts", 0, "input", "shape", to=[]), "is not 1..4 sides"),
        (_set("artifacts", 0, "input", "shape", to=[1, 3, True, 1]), "expected an integer"),
        (_set("artifacts", 0, "target", to=["coreml"]), "expected executorch or"),
        (_set("surprise", to=1), "unknown field"),
        (_set("artifacts", 0, "precision", to="int8"), "is 'int8', expected float32 or float16"),
        (_set("artifacts", 0, "precision", to=["float32"]), "expected float32 or float16"),
        (_set("artifacts", 1, "precision", to="int8"), "is 'int8', expected float32 or float16"),
        (
            _both(1, target="executorch", precision="float16"),
            r"\[1\].precision: is 'float16', expected float32",
        ),
        (_both(1, target="native", precision="int4"), "expected float32 or float16 or int8"),
    ],
)
def test_hostile_manifest_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], None], reason: str
) -> None:
    _rewrite(folder, edit)
    with pytest.raises(BundleError, match=reason):
        open_bundle(folder)


def test_a_manifest_of_an_older_edgedf_has_no_conversion_and_opens(folder: Path) -> None:
    def edit(tree: dict[str, Any]) -> None:
        for artifact in tree["artifacts"]:
            del artifact["parity"]["conversion"], artifact["parity"]["checks"]["conversion"]

    _rewrite(folder, edit)
    with open_bundle(folder) as bundle:
        for artifact in bundle.manifest.artifacts:
            assert artifact.parity.conversion is None
            assert (artifact.parity.outcome, artifact.parity.not_run) == ("pass", ())


def test_tolerances_tighter_than_edgedfs_are_kept(folder: Path) -> None:
    _rewrite(folder, _set("artifacts", 0, "tolerances", "max_logit_error", to=1e-5))
    with open_bundle(folder) as bundle:
        assert bundle.manifest.artifacts[0].tolerances.max_logit_error == 1e-5
