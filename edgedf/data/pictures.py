"""Reading one picture file into RGB, with every way it can be bad turned into one DataError."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from edgedf.crop import U8
from edgedf.errors import DataError
from edgedf.files import read_bytes, sha256_bytes
from edgedf.runtime.images import load_picture

# A phone's largest photo has about 200 million pixels; a data set's pictures are far smaller.
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 128 * 1024 * 1024
_REMEDY = "it must be a JPEG or PNG; copy it again or remove it"


def read_picture(path: Path, *, sha256: str | None = None) -> U8:
    """A JPEG or PNG as upright RGB uint8 (H, W, 3); EXIF orientation is applied.

    Args:
        path: the file.
        sha256: what its bytes must hash to, or None.

    Raises DataError if it is damaged, cut short, another format, beyond 64 million pixels or not the
    file of that hash; FileError if it is missing or unreadable.
    """
    data = read_bytes(path, max_bytes=MAX_FILE_BYTES)
    if sha256 is not None and sha256_bytes(data) != sha256:
        raise DataError("is not the file that index.json describes (sha256 differs)", file=path)
    try:
        return decode_picture(data)
    except DataError as error:
        raise DataError(error.problem, file=path, hint=error.hint) from error


def decode_picture(data: bytes) -> U8:
    """JPEG or PNG bytes as upright RGB uint8 (H, W, 3). Raises DataError if they are not such a picture."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise DataError("is empty")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise DataError(f"has {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} million")
            return load_picture(picture)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        # Pillow's own words name the stream by its address in memory, which differs at every run.
        raise DataError("damaged (neither a JPEG nor a PNG file)", hint=_REMEDY) from error
    # Pillow's readers raise nearly anything on hostile bytes; to the user it is one thing: a damaged file.
    except Exception as error:
        problem = f"damaged ({str(error)[:120] or type(error).__name__})"
        raise DataError(problem, hint=_REMEDY) from error


def ignore_picture_warnings() -> warnings.catch_warnings[None]:
    """A `with` block in which Pillow's warnings stay silent; we check sizes and EXIF ourselves.

    Around the whole of a threaded job, because the filters belong to the process.
    """
    return warnings.catch_warnings(action="ignore")
