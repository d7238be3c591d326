"""Every command that a help text, the README or a page shows: it parses, and the cheap ones run as shown."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

from edgedf.cli.main import VERBS, cli, main
from edgedf.data.synth import golden_faces
from edgedf.ticket import write_ticket
from tests.detector_bundle import bundle_ticket, write_sample
from tests.training_samples import write_faces

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# These take minutes as they are shown; other tests run them on small data.
COSTLY = re.compile(r"edgedf (data synth|train|build)\b|--sweep|--box-jitter|--ticket")


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, f"{path} {name}")


def _lines(text: str) -> list[str]:
    """The lines of a text that are commands, without comments."""
    verbs = "|".join(VERBS)
    found = re.findall(rf"^\s*(edgedf (?:{verbs})\b.*)$", text, flags=re.MULTILINE)
    return [line.partition(" #")[0].strip() for line in found]


def _examples() -> list[str]:
    texts = [command.help or "" for _, command in _commands(cli, "edgedf")]
    # In prose a line may begin with a command's name; a page's commands are indented or fenced.
    blocks = [
        block
        for page in PAGES
        for block in re.findall(
            r"```\w*\n(.*?)```|((?:^ {4}.*\n)+)", page.read_text(), re.DOTALL | re.MULTILINE
        )
    ]
    lines = [line for text in (*texts, *map("\n".join, blocks)) for line in _lines(text)]
    return list(dict.fromkeys(lines))


EXAMPLES = _examples()


def test_every_verb_shows_a_command() -> None:
    for path, command in _commands(cli, "edgedf"):
        assert "Example" in (command.help or ""), path
        assert _lines(command.help or ""), path
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_parses(example: str) -> None:
    """Options and arguments are those that the verb takes; nothing is run."""
    words, command = shlex.split(example)[1:], cli
    while isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None
        command, words = inner, words[1:]
    command.make_context(example, words)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which the examples make sense: faces, a run with a bundle, a photo, a video."""
    import av
    from PIL import Image

    folder = tmp_path_factory.mktemp("scene")
    write_faces(folder / "faces")
    shutil.copytree(folder / "faces/Train", folder / "pictures")
    tiny = ("--recipe", "short", "--arch", "mesonet", "--epochs", "1", "--rewind", "0", "--sparsities", "0.5")
    main(["train", str(folder / "faces"), "--out", str(folder / "runs/first"), "--threads", "1", *tiny])
    targets = [word for target in ("tflite", "coreml", "native") for word in ("--target", target)]
    with pytest.raises(SystemExit, match="0"):
        main(["build", str(folder / "runs/first"), *targets, "--accept-not-run", "auc"])
    write_sample(folder / "mesonet.edgedf", ("native",))
    write_ticket(folder / "t.safetensors", bundle_ticket())
    ((picture, _),) = golden_faces(1, 3)
    side = min(picture.shape[:2]) // 2 * 2
    Image.fromarray(picture).save(folder / "photo.jpg")
    with av.open(folder / "clip.mp4", "w") as clip:
        stream = clip.add_stream("mpeg4", rate=10)
        stream.width = stream.height = side
        for _ in range(6):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:side, :side]), format="rgb24")
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("example", [line for line in EXAMPLES if not COSTLY.search(line)])
def test_example_runs_as_shown(
    example: str, scene: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(scene)
    words = shlex.split(example.replace("*.jpg", "photo.jpg"))[1:]
    code = 0
    try:
        main(words)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    out, err = capsys.readouterr()
    # 1 is an answer where the question was one: a face in this photo, a cue in this data set?
    assert code in ((0, 1) if words[0] in ("detect", "data") else (0,)), err
    assert out or err
    assert "error: " not in err
