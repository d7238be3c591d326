"""`edgedf parity --faults` at the command line, what builds say of conversion, options that are not read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgedf.assembly.fault_kinds import FAULTS
from edgedf.assembly.faults import NO_FAULT, WAYS
from edgedf.assembly.source import DEMO_TICKET
from edgedf.bundle.golden import golden_files
from edgedf.bundle.parity_record import CONVERSION_LIMIT, PASS
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import file_entries, write_bundle
from edgedf.cli.main import main


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "b.edgedf"
    with pytest.raises(SystemExit) as caught:
        main(["build", str(DEMO_TICKET), "--target", "native", "--crops", "100", "--out", str(path)])
    assert caught.value.code == 0
    return path


def test_a_build_records_and_prints_what_conversion_was_allowed(tmp_path, capsys) -> None:
    path = tmp_path / "b.edgedf"
    options = ["--precision", "native=int8", "--precision", "coreml=float16", "--crops", "100"]
    targets = ["--target", "native", "--target", "coreml"]
    with pytest.raises(SystemExit) as caught:
        main(["build", str(DEMO_TICKET), *targets, *options, "--out", str(path)])
    out = capsys.readouterr().out
    assert caught.value.code == 0, out
    assert "allowed: int8: max error 2e-01, against its own weights 2e-05," in out
    (line,) = [line for line in out.splitlines() if line.startswith("max error against its own weights: ")]
    assert "native " in line
    assert "coreml" not in line
    assert "note: coreml: no check of conversion: " in out
    with open_bundle(path) as opened:
        native, coreml = (opened.artifact(target).parity for target in ("native", "coreml"))
    assert native.checks["conversion"] == PASS
    assert native.conversion is not None
    assert native.conversion.measured <= native.conversion.allowed == CONVERSION_LIMIT
    assert coreml.conversion is None
    assert "conversion" not in coreml.checks
    assert coreml.checks["values"] == PASS


def test_faults_verb_prints_the_shares(bundle: Path, capsys) -> None:
    arguments = ["parity", str(bundle), "--ticket", str(DEMO_TICKET), "--faults", "2", "--target", "native"]
    main([*arguments, "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    native = [precision for ran, precision in WAYS if ran == "native"]
    assert [(row["fault"], row["precision"]) for row in rows] == [
        (kind, precision) for kind in (NO_FAULT, *FAULTS) for precision in native
    ]
    assert {row["ran"] for row in rows} == {"native"}
    for row in rows:
        control = row["fault"] == NO_FAULT
        assert row["tried"] == (1 if control else 2)
        assert row["share"] == 0 if control else 0 <= row["share"] <= 1


def test_faults_verb_says_no_where_the_bundle_itself_is_refused(bundle: Path, tmp_path, capsys) -> None:
    """The golden logits changed by 0.01 and every hash made right again."""
    with open_bundle(bundle) as opened:
        manifest, goldens = opened.manifest, opened.goldens()
        files = {entry.path: (opened.folder / entry.path).read_bytes() for entry in manifest.files}
    golden = golden_files(replace(goldens, logits=goldens.logits + np.float32(0.01)))
    wrong = tmp_path / "wrong.edgedf"
    write_bundle(wrong, replace(manifest, golden=file_entries(golden)), files | golden)
    with pytest.raises(SystemExit) as caught:
        main(["parity", str(wrong), "--ticket", str(DEMO_TICKET), "--faults", "1"])
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert "100%" not in out
    assert "the network without a fault is refused too (max error" in err
    assert "hint: " in err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--faults", "2"], "--faults: needs --ticket"),
        (["--faults", "2", "--ticket", "T", "--box-jitter"], "--box-jitter: is not read with --faults"),
        (["--faults", "2", "--ticket", "T", "--data", "D"], "--data: is not read with --faults"),
        (["--faults", "2", "--ticket", "T", "--crops", "99"], "--crops: is not read with --faults"),
        (["--faults", "2", "--ticket", "T", "--pictures", "3"], "--pictures: is not read with --faults"),
        (
            ["--faults", "2", "--ticket", "T", "--accept-not-run", "auc"],
            "--accept-not-run: is not read with --faults",
        ),
        (["--faults", "2", "--ticket", "T", "--target", "tflite"], "--target tflite: --faults runs in"),
        (["--box-jitter", "--ticket", "T"], "--ticket: is not read with --box-jitter"),
        (["--box-jitter", "--crops", "99"], "--crops: is not read with --box-jitter"),
        (["--box-jitter", "--accept-not-run", "auc"], "--accept-not-run: is not read with --box-jitter"),
        (["--pictures", "3"], "--pictures: is not read without --box-jitter"),
        (["--ticket", "T", "--pictures", "24"], "--pictures: is not read without --box-jitter"),
        (["--crops", "99"], "--crops: is only read with --ticket"),
        (["--data", "D"], "--data: is only read with --ticket or --box-jitter"),
    ],
)
def test_an_option_that_is_not_read_is_refused_by_name(bundle: Path, options, problem: str, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["parity", str(bundle), *options])
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


def test_a_target_named_twice_is_checked_once(bundle: Path, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["parity", str(bundle), "--target", "native", "--target", "native", "--json"])
    assert caught.value.code == 0
    reports = json.loads(capsys.readouterr().out)["reports"]
    assert [report["subject"] for report in reports] == ["goldens", "native"]
