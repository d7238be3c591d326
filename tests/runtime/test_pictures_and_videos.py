"""Files that `detect` opens: only known formats, no other file, no other program, sizes checked first."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedf.errors import DataError, EdgedfError
from edgedf.runtime import video
from edgedf.runtime.images import FORMATS, MAX_PIXELS, load_picture
from edgedf.runtime.video import frame_count, read_frames


def _bytes(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def _png_of_size(width: int, height: int) -> bytes:
    """A PNG header alone: whoever decodes it fails otherwise than whoever checks its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["EPS", "PPM", "GIF", "ICO"])
def test_a_format_that_is_not_listed_is_refused_whatever_its_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(_bytes(Image.new("RGB", (32, 32), (200, 10, 10)), kind))
    with pytest.raises(DataError, match="not a picture that edgedf reads"):
        load_picture(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_listed_format_is_read_by_its_content(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(_bytes(Image.new("RGB", (9, 7), (255, 255, 255)), kind))
    image_hwc = load_picture(path)
    assert image_hwc.shape == (7, 9, 3)
    assert image_hwc.min() > 250


@pytest.mark.parametrize("name", ["struct_error.jpg", "type_error.tif"])
def test_damage_on_which_pillow_breaks_is_a_data_error(name: str) -> None:
    with pytest.raises(DataError, match="is damaged"):
        load_picture(Path(__file__).parent / "damaged" / name)


def _tagged(kind: str, **options: str) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274], exif[306], exif[282] = 6, "2020:01:01", 1.5
    extra = {} if kind == "BMP" else {"exif": exif}
    Image.fromarray(noise).save(stream, kind, **extra, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_picture_is_a_picture_or_an_error_of_ours(kind: str, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(3), tmp_path / "a.bin"
    whole = _tagged(kind)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 9)):
            # Headers and directories lie at either end.
            near = int(rng.integers(min(len(data), 200)))
            data[near if rng.integers(2) else -1 - near] = rng.choice((0, 127, 128, 255, rng.integers(256)))
        path.write_bytes(data)
        with contextlib.suppress(EdgedfError):
            assert load_picture(path).dtype == np.uint8


@pytest.mark.parametrize(("width", "height"), [(15_001, 10_000), (14_000, 14_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_beyond_the_limit_is_refused_before_decoding(
    width: int, height: int, tmp_path: Path
) -> None:
    assert width * height > MAX_PIXELS
    (tmp_path / "a.png").write_bytes(_png_of_size(width, height))
    with pytest.raises(DataError, match="has more than 150,000,000 pixels"):
        load_picture(tmp_path / "a.png")


def test_a_large_picture_below_the_limit_is_read_without_a_warning(tmp_path: Path) -> None:
    Image.new("1", (9_500, 9_500)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_picture(tmp_path / "a.png").shape == (9_500, 9_500, 3)


def test_reading_in_threads_leaves_no_filter_of_warnings_behind(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    before = list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(load_picture, [tmp_path / "a.jpg"] * 400))
    assert list(warnings.filters) == before


@pytest.mark.parametrize(("value", "expected"), [(200, 200), (255, 255), (256, 1), (60_000, 234)])
def test_wide_grey_goes_by_its_range(value: int, expected: int, tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), value, np.int32)).save(tmp_path / "a.tif")
    assert (load_picture(tmp_path / "a.tif") == expected).all()


@pytest.mark.parametrize("pixels", [np.float32(3.7), np.int32(70_000), np.int32(-1)])
def test_grey_without_a_known_white_is_refused(pixels: np.generic, tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), pixels)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: holds") as caught:
        load_picture(tmp_path / "a.tif")
    assert "8 or 16 bits" in (caught.value.hint or "")


def _write_clip(path: Path) -> None:
    import av

    with av.open(str(path), "w") as clip:
        codec = (
            "mpeg2video" if path.suffix in {".ts", ".mpg"} else "flv" if path.suffix == ".flv" else "mpeg4"
        )
        stream = clip.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
        for image_hwc in noise:
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(image_hwc)))
        clip.mux(stream.encode())


def _mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes near either end or anywhere set to what readers like least; now and then the end cut off."""
    changed = bytearray(data[: int(rng.integers(1, len(data)))] if rng.random() < 0.1 else data)
    for _ in range(rng.integers(1, 9)):
        near = int(rng.integers(len(changed) if rng.integers(2) else min(len(changed), 800)))
        changed[near if rng.integers(4) else -1 - near] = rng.choice((0, 127, 128, 255, rng.integers(256)))
    return bytes(changed)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "flv"])
def test_a_damaged_video_is_frames_or_an_error_of_ours(suffix: str, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole.{suffix}", tmp_path / f"a.{suffix}"
    _write_clip(whole)
    rng, outcomes = np.random.default_rng(5), []
    for _ in range(120):
        path.write_bytes(_mutated(whole.read_bytes(), rng))
        frame_count(path)
        try:
            outcomes.append(sum(frame.image_hwc.shape[2] == 3 for frame in read_frames(path)) > 0)
        except EdgedfError:
            outcomes.append(False)
    assert set(outcomes) == {True, False}


def test_a_codec_that_nobody_knows_is_named(tmp_path: Path) -> None:
    _write_clip(tmp_path / "a.mkv")
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_MPEG9/ISO/ASP"))
    with pytest.raises(DataError, match=r"a\.mkv: its video codec is unknown here"):
        list(read_frames(tmp_path / "a.mkv"))


@pytest.mark.parametrize("name", ["12:30.mp4", "http:a.mp4", "concat:a.mp4", "a%03d.mp4", "file:a.mp4"])
def test_a_name_that_looks_like_a_protocol_is_a_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _write_clip(tmp_path / "plain.mp4")
    Path("plain.mp4").rename(name)
    assert len(list(read_frames(Path(name)))) == 3
    assert frame_count(Path(name)) == 3


def test_a_video_frame_beyond_the_limit_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_clip(tmp_path / "a.mp4")
    monkeypatch.setattr(video, "MAX_PIXELS", 100_000)  # FFmpeg counts what it rounds sizes up to
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 3
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 64 - 1)
    with pytest.raises(DataError, match="has frames of 64 x 64, more than 4,095 pixels"):
        list(read_frames(tmp_path / "a.mp4"))


def test_frames_that_grow_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    # Concatenated JPEGs are a video, and each has its own size.
    frames = [Image.new("RGB", size, (90, 90, 90)) for size in ((64, 64), (64, 64), (160, 160))]
    (tmp_path / "a.mjpeg").write_bytes(b"".join(_bytes(image, "JPEG") for image in frames))
    with av.open(str(tmp_path / "a.mjpeg")) as clip:
        assert [frame.width for frame in clip.decode(video=0)] == [64, 64, 160]
    monkeypatch.setattr(video, "MAX_PIXELS", 10_000)
    frames_read = read_frames(tmp_path / "a.mjpeg")
    assert [next(frames_read).image_hwc.shape for _ in range(2)] == [(64, 64, 3)] * 2
    with pytest.raises(DataError):
        next(frames_read)


@pytest.mark.parametrize(
    ("matrix", "show"),
    [
        ((1, 0, 0, 1), lambda a: a),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda a: a[::-1, ::-1]),
        ((0, 1, -1, 0), lambda a: np.rot90(a, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, 1, 0), lambda a: a.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
    ],
)
def test_a_display_matrix_turns_and_mirrors(
    matrix: tuple[int, ...], show: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    import av

    # x' = a x + c y and y' = b x + d y, as the matrix says: the four corners tell every case apart.
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32], stored[:24, 32:], stored[24:, :32] = 255, (255, 0, 0), (0, 255, 0)
    a, b, c, d = (value << 16 for value in matrix)
    with av.open(str(tmp_path / "a.mp4"), "w") as clip:
        stream = clip.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(stored)))
        clip.mux(stream.encode())
    (frame,) = read_frames(tmp_path / "a.mp4")
    wanted = show(stored)
    assert frame.image_hwc.shape == wanted.shape
    rows, columns = wanted.shape[0] // 4, wanted.shape[1] // 4
    for y, x in ((1, 1), (1, 3), (3, 1), (3, 3)):
        place = (y * rows, x * columns)
        assert ((frame.image_hwc[place] > 128) == (wanted[place] > 128)).all(), place


@pytest.mark.parametrize(
    ("aspect", "shape"), [("3/2", (48, 96)), ("2/3", (72, 64)), ("1/1", (48, 64)), ("16/11", (48, 93))]
)
def test_pixels_become_square(aspect: str, shape: tuple[int, int], tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as clip:
        stream = clip.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        stored = np.zeros((48, 64, 3), np.uint8)
        stored[:, 32:] = 255
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(stored)))
        clip.mux(stream.encode())
    (frame,) = read_frames(tmp_path / "a.mp4")
    assert frame.image_hwc.shape == (*shape, 3)
    middle = shape[1] // 2
    assert frame.image_hwc[:, : middle - 6].max() < 60
    assert frame.image_hwc[:, middle + 6 :].min() > 195


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "ts", "mpg", "flv"])
def test_containers_that_hold_their_frames_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{suffix}"
    _write_clip(path)
    assert [frame.index for frame in read_frames(path)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "playlist"),
    [
        ("clip.mp4", "ffconcat version 1.0\nfile other.ts\n"),
        ("clip.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"),
    ],
    ids=["concat", "hls"],
)
def test_a_playlist_opens_no_other_file(name: str, playlist: str, tmp_path: Path) -> None:
    _write_clip(tmp_path / "other.ts")
    (tmp_path / name).write_text(playlist)
    assert frame_count(tmp_path / name) is None
    with pytest.raises(DataError, match="damaged or no video"):
        list(read_frames(tmp_path / name))
