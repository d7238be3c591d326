"""edgedf.toml: what it names, from where, and whose mistake it is when that is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgedf.cli.config import named_bundle, read_config
from edgedf.cli.main import main
from edgedf.errors import UsageError
from tests.detector_bundle import write_sample


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("config") / "sample.edgedf")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def write(text: str) -> None:
    Path("edgedf.toml").write_text(text)


def test_a_run_stands_for_the_bundle_in_it(bundle: Path, tmp_path: Path) -> None:
    inside = tmp_path / "run" / "bundle.edgedf"
    shutil.copytree(bundle, inside)
    write('bundle = "../run"')
    assert named_bundle(None).resolve() == inside
    assert named_bundle(tmp_path / "run") == inside
    assert named_bundle(bundle) == bundle


@pytest.mark.parametrize("verb", [("parity",), ("bench",), ("detect", "a.jpg")])
@pytest.mark.parametrize(
    ("named", "what"),
    [("nosuch.edgedf", "where there is nothing"), ("../work", "which is no bundle and holds none")],
)
def test_a_bundle_that_is_not_there_is_the_files_mistake(
    verb: tuple[str, ...], named: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(f'bundle = "{named}"')
    with pytest.raises(SystemExit) as stopped:
        main(list(verb))
    assert stopped.value.code == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == f"error: edgedf.toml: bundle: names {named}, {what}"
    assert hint == "hint: correct `bundle` in edgedf.toml, or name another on the command line"


def test_a_ticket_that_is_not_there_is_the_files_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    write('ticket = "nosuch.safetensors"')
    with pytest.raises(SystemExit) as stopped:
        main(["build", "--out", "out.edgedf"])
    assert stopped.value.code == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == "error: edgedf.toml: ticket: names nosuch.safetensors, where there is nothing"
    assert hint.startswith("hint: correct `ticket` in edgedf.toml")


def test_what_a_verb_does_not_use_may_be_missing(bundle: Path) -> None:
    write(f'ticket = "nosuch.safetensors"\nbundle = "{bundle}"')
    assert named_bundle(None) == bundle
    write('bundle = "to-be-built.edgedf"')
    assert read_config().bundle == Path("to-be-built.edgedf")


@pytest.mark.parametrize(("option", "way"), [("", "after the verb"), ("--bundle", "with --bundle")])
def test_one_of_several_bundles_is_named_as_the_verb_takes_it(option: str, way: str) -> None:
    for name in ("a.edgedf", "b.edgedf"):
        Path(name).mkdir()
    with pytest.raises(UsageError, match="2 bundles in this folder") as caught:
        named_bundle(None, option)
    assert caught.value.field == (option or "BUNDLE")
    assert caught.value.hint == f"name one {way}, or as `bundle` in edgedf.toml"


def test_a_file_that_is_no_toml_is_told_how_it_should_look() -> None:
    write("bundle =")
    with pytest.raises(UsageError, match="is not valid TOML") as caught:
        read_config()
    assert caught.value.hint == 'write lines such as bundle = "PATH"'
