"""The command line as a whole: help, laziness, errors, clean stdout, and the ways a user stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgedf.cli.main import VERBS, cli, main
from tests.detector_bundle import write_sample

# Nothing beyond these may load for `edgedf --help`; it is what keeps it fast.
HELP_ALLOWS = {"click", "edgedf"}
EDGEDF = [sys.executable, "-c", "from edgedf.cli.main import main; main()"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("command-line") / "sample.edgedf")


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a user's shell runs it."""
    command = [*EDGEDF, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)


@pytest.mark.parametrize(
    "arguments", [[], *([verb] for verb in VERBS)], ids=lambda a: " ".join(a) or "edgedf"
)
def test_help_loads_nothing_heavy_and_shows_an_example(arguments: list[str]) -> None:
    script = (
        "import sys; before = set(sys.modules)\n"
        "from edgedf.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "print('MODULES', *sorted(new - set(sys.stdlib_module_names)))"
    )
    command = [sys.executable, "-c", script, *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    text, _, modules = done.stdout.rpartition("MODULES")
    assert "Example" in text
    allowed = HELP_ALLOWS if not arguments else HELP_ALLOWS | {"numpy", "converters"}
    # A verb's module may name numpy types; torch and the converters' tools never load for help.
    assert set(modules.split()) - allowed == set()


def test_help_names_every_verb() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert all(verb in result.output for verb in VERBS)


@pytest.mark.parametrize("arguments", [[], ["data"]], ids=lambda a: " ".join(a) or "edgedf")
def test_no_verb_is_answered_with_the_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert out == ""
    assert err.startswith(f"Usage: {' '.join(['edgedf', *arguments])} ")
    assert "Example" in err
    assert "error:" not in err


ERRORS = [
    (["nonsense"], 2, "no such command 'nonsense'"),
    (["show"], 2, "missing argument 'FILE'"),
    (["show", "nothing.pte"], 2, "error: nothing.pte: no such file\nhint: check the path"),
    (["show", "text.txt"], 2, "error: text.txt: is no ticket, bundle or artifact\nhint: known: "),
    (["show", "cut.safetensors"], 2, "error: cut.safetensors: "),
    (["show", "/dev/zero"], 2, "error: /dev/zero: is a pipe or a device, not a file"),
    (["detect"], 2, "error: no picture named\nhint: edgedf detect photo.jpg, or --video clip.mp4"),
    (["detect", "a.jpg"], 2, "error: --bundle: no bundle named, and none in this folder\nhint: "),
    (["detect", "a.jpg"], 2, "hint: name one with --bundle, or as `bundle` in edgedf.toml; `edgedf build`"),
    (
        ["parity"],
        2,
        "error: BUNDLE: no bundle named, and none in this folder\nhint: name one after the verb, or",
    ),
    (
        ["bench"],
        2,
        "error: BUNDLE: no bundle named, and none in this folder\nhint: name one after the verb, or",
    ),
    (["detect", "a.jpg", "--box", "1,2,3"], 2, "error: --box: is '1,2,3', expected X,Y,W,H in pixels"),
    (["detect", "a.jpg", "--box", "1,2,nan,4"], 2, "error: --box: is '1,2,nan,4'"),
    (["detect", "a.jpg", "--draw", "out.txt"], 2, "error: --draw: out.txt must end in .png"),
    (["detect", "a.png", "--draw", "a.png"], 2, "error: --draw: a.png is an input picture"),
    (["detect", "--video", "a.mp4", "--draw", "a.png"], 2, "error: --draw: draws into pictures, not videos"),
    (["detect", "a.jpg", "--bundle", "nothing"], 2, "error: nothing: no such bundle"),
    (["bench", "text.txt"], 2, "error: text.txt: is no bundle: neither a folder nor a .zip file"),
    (["bench", "model.edgedfm"], 2, "error: model.edgedfm: is one artifact of a bundle"),
    (["bench", "model.edgedfm", "--layers"], 2, "error: model.edgedfm: is one artifact of a bundle"),
    (["bench", "model.edgedfm", "--sweep"], 2, "error: model.edgedfm: is one artifact of a bundle"),
    (["bench", "model.edgedfm"], 2, "hint: give the bundle that `edgedf build` writes; or a ticket"),
    (["report", "nothing"], 2, "error: nothing: no such file"),
    (["report", "."], 2, "error: .: is neither a run nor a bundle"),
    (["report", "run"], 2, "error: run/run.json: format_version: "),
    (["report", "run", "--out", "text.txt"], 2, "error: --out: text.txt must end in .html"),
    (["show", "run"], 2, "error: run/run.json: format_version: "),
    (["build", "run"], 2, "error: run/run.json: format_version: "),
    (["build", "--out", "text.txt/a.edgedf"], 2, "error: text.txt/a.edgedf: cannot be written"),
    (["build", "--out", "text.txt"], 2, "hint: a part of the path is a file; choose another place"),
    (["data", "show", "text.txt"], 2, "error: text.txt: is a file, not a folder"),
    (["data", "sheet", "faces", "text.txt"], 2, "error: OUT.png: text.txt must end in .png"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS, ids=lambda v: str(v)[:40])
def test_mistake_has_one_message_and_an_exit_code(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/run.json").write_text("{}")
    Path("text.txt").write_text("just text, no model")
    Path("model.edgedfm").write_bytes(b"EDFM")
    Path("cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == code
    assert message in err
    assert out == ""
    assert "Traceback" not in err
    assert Path("text.txt").read_text() == "just text, no model"


def test_json_is_all_there_is_on_stdout(bundle: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (96, 96), (90, 120, 200)).save(tmp_path / "photo.png")
    commands = [
        ("show", bundle, "--json"),
        ("doctor", "--json"),
        ("bench", bundle, "--runs", 2, "--json"),
        ("detect", tmp_path / "photo.png", "--bundle", bundle, "--whole", "--json"),
        ("report", bundle, "--out", tmp_path / "page.html", "--runs", 1, "--json"),
    ]
    for arguments in commands:
        done = run(*arguments)
        assert isinstance(json.loads(done.stdout), dict), arguments
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_quietly(bundle: Path) -> None:
    command = [*EDGEDF, "bench", str(bundle), "--runs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_progress_and_colour_stay_out_of_pipes(bundle: Path) -> None:
    done = run("bench", bundle, "--runs", 2)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr


def test_no_value_of_a_file_drives_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from edgedf.cli.output import clean, print_table, say, show_line, warn

    hostile = "a\x1b[2J\x9b\u202eb\ud800\r"
    say(hostile)
    warn(hostile)
    show_line(hostile)
    print_table((hostile,), [(hostile,)], title=hostile)
    shown = capsys.readouterr()
    assert all(c.isprintable() or c == "\n" for c in shown.out + shown.err)
    assert clean("é 😀\n\t") == "é 😀\n\t"
