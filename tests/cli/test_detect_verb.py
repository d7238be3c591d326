"""`edgedf detect`: verdicts, drawings, several pictures, defaults, exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedf.cli.main import main
from edgedf.data.synth import golden_faces
from tests.detector_bundle import write_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, a picture with a face, and one without."""
    folder = tmp_path_factory.mktemp("detect")
    write_sample(folder / "sample.edgedf")
    image_hwc, _ = golden_faces(1, 3)[0]
    Image.fromarray(image_hwc).save(folder / "face.png")
    Image.new("RGB", (120, 90), (10, 60, 10)).save(folder / "empty.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff garbage")
    return folder


@pytest.fixture(autouse=True)
def _in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def detect(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["detect", *arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_the_only_bundle_here_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("face.png", "--box", "20,20,80,80") == 0
    out, err = capsys.readouterr()
    assert "face.png" in out
    assert "sample.edgedf: native on edgedf sparse engine" in err


def test_no_face_is_said_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("empty.png") == 1
    assert "no face found" in capsys.readouterr().out


def test_a_broken_picture_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("broken.jpg", "face.png", "--whole", "--json") == 2
    out, err = capsys.readouterr()
    pictures = json.loads(out)["pictures"]
    assert [len(entry["verdicts"]) for entry in pictures] == [0, 1]
    assert err.startswith("error: broken.jpg: ")


def test_several_boxes_give_several_verdicts_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("face.png", "--box", "20,20,80,80", "--box", "-10,0,50,40", "--json") == 0
    verdicts = json.loads(capsys.readouterr().out)["pictures"][0]["verdicts"]
    assert [verdict["box"]["x"] for verdict in verdicts] == [20, -10]
    assert all(0 <= verdict["score"] <= 1 for verdict in verdicts)


def test_drawing_marks_the_box_and_leaves_the_photo(tmp_path: Path) -> None:
    before = Path("face.png").read_bytes()
    assert detect("face.png", "--box", "20,40,80,80", "--draw", str(tmp_path / "out.png")) == 0
    drawn = np.asarray(Image.open(tmp_path / "out.png"))
    assert drawn.shape == np.asarray(Image.open("face.png")).shape
    assert tuple(drawn[80, 20]) in {(213, 94, 0), (0, 158, 115)}
    assert Path("face.png").read_bytes() == before


def test_drawings_of_several_pictures_go_to_a_folder(tmp_path: Path) -> None:
    assert detect("face.png", "empty.png", "--whole", "--draw", str(tmp_path / "drawn")) == 0
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"face.png", "empty.png"}


def test_box_whole_and_yunet_exclude_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("face.png", "--whole", "--box", "1,1,9,9") == 2
    assert "exclude one another" in capsys.readouterr().err


def test_config_names_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgedf.toml").write_text(f'bundle = "{folder / "sample.edgedf"}"\n')
    assert detect(str(folder / "face.png"), "--whole") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bundle = 3", "is not a path"),
        ("bundel = 'x'", "unknown key"),
        ("bundle =", "not valid TOML"),
        ('bundle = "a\\u0000b"', "is not a path"),
        # How deep Python may recurse depends on what ran before: either reason is right.
        pytest.param("bundle = " + "[" * 3000 + "]" * 3000, "error: edgedf.toml", id="nested"),
        pytest.param("bundle = " + "9" * 5000, "not valid TOML", id="long number"),
    ],
)
def test_a_bad_config_is_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgedf.toml").write_text(text)
    assert detect("a.jpg") == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_named_pipe_is_refused_instead_of_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert detect(str(tmp_path / "pipe.jpg"), "--whole") == 2
    assert "is a pipe or a device" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "edgedf.toml")
    assert detect(str(folder / "face.png"), "--whole") == 2
    assert "is a pipe or a device" in capsys.readouterr().err


@pytest.mark.parametrize("box", ["0,0,1e-320,1", "0,0,40,0.99"])
def test_a_box_smaller_than_a_pixel_is_a_mistake(box: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("face.png", "--box", box) == 2
    assert "W and H 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize("box", ["5000,5000,10,10", "-90,20,80,80", "20,-90,80,80"])
def test_a_box_beside_the_picture_is_a_mistake(box: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert detect("face.png", "--box", box) == 2
    assert "lies beside the" in capsys.readouterr().err


def test_a_drawing_that_cannot_be_written_costs_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    out = str(tmp_path / "file" / "out.png")
    assert detect("face.png", "--whole", "--draw", out, "--json") == 2
    shown = capsys.readouterr()
    (entry,) = json.loads(shown.out)["pictures"]
    assert len(entry["verdicts"]) == 1
    assert "a part of the path is a file" in shown.err


def test_a_video_gets_frame_scores_and_one_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import av

    image = np.asarray(Image.open("face.png").resize((128, 128)))
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 128, 128
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert detect("--video", str(path), "--whole", "--every", "2", "--json") == 0
    clip = json.loads(capsys.readouterr().out)["video"]
    assert [frame["index"] for frame in clip["frames"]] == [0, 2, 4]
    scores = [frame["score"] for frame in clip["frames"]]
    assert clip["summary"]["score"] == pytest.approx(sum(scores) / 3)
    path.write_bytes(b"no video at all")
    assert detect("--video", str(path)) == 2
    assert "is damaged or no video" in capsys.readouterr().err


def test_a_damaged_video_costs_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(picture, "JPEG")
    good, damaged = picture.getvalue(), bytearray(picture.getvalue())
    size = damaged.index(b"\xff\xc0") + 5
    damaged[size : size + 4] = b"\xff" * 4  # a frame of 65,535 x 65,535
    path = tmp_path / "clip.mjpeg"
    path.write_bytes(good * 4 + bytes(damaged) + good)
    assert detect("face.png", "--video", str(path), "--whole", "--json") == 2
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert len(shown["pictures"][0]["verdicts"]) == 1
    clip = shown["video"]
    assert [frame["index"] for frame in clip["frames"]] == [0, 1, 2, 3]
    assert clip["summary"]["frames"] == 4
    assert clip["exit_code"] == 2
    assert f"error: {clip['error']}" in err
    assert "after frame 3" in err
    assert detect("face.png", "--video", str(path), "--whole") == 2
    assert f"{path}: not read to its end; " in capsys.readouterr().out
    path.write_bytes(b"no video at all")
    assert detect("face.png", "--video", str(path), "--whole") == 2
    assert f"{path}: not read\n" in capsys.readouterr().out


def test_a_video_that_is_not_there_is_told_before_anything_is_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert detect("face.png", "--video", "nothing.mp4", "--whole", "--draw", "drawn.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing.mp4: no such file" in err
    assert not Path("drawn.png").exists()


@pytest.mark.parametrize("content", [b"no video at all", b""])
def test_what_is_no_video_is_told_what_to_name(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert detect("--video", str(path)) == 2
    assert "\nhint: name a video file" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML itself runs here")
def test_the_reference_is_not_timed_as_its_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_sample(tmp_path / "coreml.edgedf", ("coreml", "native"))
    arguments = ("face.png", "--whole", "--bundle", str(bundle), "--target")
    for target, timed in (("coreml", False), ("native", True)):
        assert detect(*arguments, target, "--json") == 0
        (verdict,) = json.loads(capsys.readouterr().out)["pictures"][0]["verdicts"]
        assert (verdict["milliseconds"]["run"] is not None) == timed
        assert verdict["milliseconds"]["load"] > 0
        assert detect(*arguments, target) == 0
        cell = capsys.readouterr().out.split()[-1]
        assert (cell != "-") == timed


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode on this system")
def test_a_name_that_is_not_utf8_comes_through_json(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"bad\xff.png")
    Path(name).write_bytes(Path("face.png").read_bytes())
    assert detect(name, "face.png", "--whole", "--json") == 0
    pictures = json.loads(capsys.readouterr().out)["pictures"]
    assert [entry["picture"] for entry in pictures] == [name, "face.png"]
    assert detect(name, "--whole") == 0
    assert "bad\\udcff.png" in capsys.readouterr().out


def test_a_wide_drawing_names_the_format_that_holds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (16_384, 8)).save(tmp_path / "photo.png")
    photo, out = str(tmp_path / "photo.png"), tmp_path / "wide.webp"
    assert detect(photo, "--box", "1,1,6,6", "--draw", str(out), "--json") == 2
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["pictures"][0]["verdicts"]) == 1
    assert f"{out}: WEBP cannot hold this picture of 16384 x 8 pixels" in shown.err
    assert "ends in .png" in shown.err
    assert not out.exists()
    assert detect(photo, "--box", "1,1,6,6", "--draw", str(out.with_suffix(".png"))) == 0


def test_several_drawings_need_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn.webp"
    assert detect("face.png", "empty.png", "--whole", "--draw", str(out)) == 2
    assert "drawn.webp names one file for the drawings of 2 pictures" in capsys.readouterr().err
    assert detect("face.png", "empty.png", "--whole", "--draw", "my faces.webp") == 2
    assert "e.g. --draw 'my faces'" in capsys.readouterr().err
    assert not out.exists()
    (tmp_path / "notes").write_text("mine")
    assert detect("face.png", "empty.png", "--whole", "--draw", str(tmp_path / "notes")) == 2
    assert "names one file for the drawings of 2" in capsys.readouterr().err


def test_any_array_that_is_judged_can_be_drawn_into() -> None:
    from edgedf.runtime.draw import draw_verdicts

    rgb = np.full((40, 50, 3), 77, np.uint8)
    for image_hwc in (rgb, rgb[..., 0], np.dstack([rgb, rgb[..., :1]]), rgb[::-1]):
        assert np.array_equal(draw_verdicts(image_hwc, ()), rgb)
