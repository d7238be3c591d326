"""Reading picture files: upright RGB, or one DataError for every way a file can be bad."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import jpeg
from PIL import Image

from edgedf.contract import Contract
from edgedf.crop import crop_square, whole_picture_box
from edgedf.data.cropset import crop_sample
from edgedf.data.pictures import decode_picture, read_picture
from edgedf.errors import DataError, EdgedfError
from edgedf.files import sha256_bytes


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg_that_claims(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims any size up to 65,535."""
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        jpeg()[:200],
        jpeg()[:-40],
        b"GIF89a" + b"\0" * 50,
        png_that_claims(20_000, 20_000),
        png_that_claims(9_000, 9_000),
        png_that_claims(2**31 - 1, 2**31 - 1),
        png_that_claims(10, 10),
        jpeg_that_claims(20_000, 20_000),
        jpeg_that_claims(65_500, 65_500),
        jpeg_that_claims(0, 10),
    ],
)
def test_bad_bytes_are_one_named_error(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        decode_picture(data)
    with pytest.raises(DataError) as again:
        decode_picture(bytes(bytearray(data)))
    # The cache keeps the reason, and two runs must keep the same.
    assert str(caught.value) == str(again.value)
    assert "object at" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 5_000), byte=st.integers(0, 255), cut=st.integers(0, 5_000))
def test_any_changed_or_cut_jpeg_is_an_error_or_a_picture(place: int, byte: int, cut: int) -> None:
    data = bytearray(jpeg())
    data[place % len(data)] = byte
    try:
        picture = decode_picture(bytes(data[: max(1, len(data) - cut % len(data))]))
    except DataError:
        return
    assert picture.dtype == np.uint8
    assert picture.ndim == 3


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    stream = io.BytesIO()
    picture = Image.new("RGB", (7, 5), (255, 255, 255))
    picture = Image.new(mode, (7, 5), 60_000) if mode == "I;16" else picture.convert(mode)
    picture.save(stream, "JPEG" if mode == "CMYK" else "PNG")
    rgb = decode_picture(stream.getvalue())
    assert rgb.shape == (5, 7, 3)
    assert rgb.min() > 200


def test_exif_orientation_is_applied() -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(stream, "JPEG", exif=exif)
    assert decode_picture(stream.getvalue()).shape == (40, 20, 3)


def test_hash_that_differs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    assert read_picture(path, sha256=sha256_bytes(jpeg())).shape == (30, 40, 3)
    with pytest.raises(DataError, match="sha256 differs"):
        read_picture(path, sha256="0" * 64)
    with pytest.raises(EdgedfError, match="no such file"):
        read_picture(tmp_path / "b.jpg")


@settings(max_examples=500, deadline=None)
@given(width=st.integers(1, 5000), height=st.integers(1, 5000), scale=st.floats(1.0, 4.0, allow_nan=False))
def test_whole_picture_box_gives_the_largest_centred_square(width: int, height: int, scale: float) -> None:
    left, top, side = crop_square(whole_picture_box(width, height, scale), scale)
    assert side == min(width, height)
    assert (left, top) == ((width - side) // 2, (height - side) // 2)


def test_whole_picture_of_the_contracts_size_is_returned_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(crop_sample(picture, None, Contract(size=64)), picture)
