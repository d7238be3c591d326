"""Files that `detect` opens: only known formats, no other file, no other program, sizes checked first."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedf.errors import DataError
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
