"""Pictures: any way a caller may hold one -> upright RGB uint8 (H, W, 3)."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError, DataError, EdgedfError
from edgedf.files import open_regular
from edgedf.os_errors import read_error
from edgedf.runtime.arguments import is_path, path_of
from edgedf.runtime.libraries import load

if TYPE_CHECKING:
    from PIL.Image import Image

U8 = npt.NDArray[np.uint8]
# Beyond it a small file could fill the memory when decoded. Pillow itself refuses 178,956,971 and more.
MAX_PIXELS = 150_000_000
# Pillow knows many more, and for some of them it starts other programs: Ghostscript for EPS.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_AGAIN = "copy it again from where it came from"


def load_picture(picture: str | PathLike[str] | U8 | Image) -> U8:
    """The upright RGB picture (H, W, 3) uint8.

    Args:
        picture: a path of an image file (EXIF orientation is applied), a Pillow image (the same), or
            an array uint8 (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, taken as upright. Alpha is ignored.

    Raises DataError if the file or Pillow image is damaged or no picture, FileError if it cannot be read,
    CropError if the array or image has another form, NotRunError if Pillow is needed and missing.
    """
    if is_path(picture):
        return _read(path_of(picture, "image"))
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    # A Pillow image can only exist where Pillow is loaded; no import on a device without it.
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(picture, pillow.Image):
        return _from_pillow(cast("Image", picture))
    kind = type(picture).__name__
    raise CropError(f"is a {kind}, expected a path, a uint8 array or a Pillow image", field="image")


def _from_array(array: npt.NDArray[Any]) -> U8:
    form_ok = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not form_ok or 0 in array.shape:
        problem = f"is {array.dtype}{array.shape}, expected uint8 (H, W, 3), (H, W, 4) or (H, W)"
        raise CropError(problem, field="image")
    if array.ndim == 2:
        return np.broadcast_to(array[:, :, None], (*array.shape, 3))  # a view too: three times the same bytes
    return array[:, :, :3]  # a view: the crop core reads spread pixels and strided rows where they lie


def _from_pillow(image: Image) -> U8:
    """A caller's image, which may still have to be read: Pillow opens files without decoding them."""
    if 0 in image.size:
        raise CropError(f"is {image.width} x {image.height} pixels", field="image")
    try:
        return _upright(image)
    except EdgedfError:
        raise
    except Exception as error:
        raise _damaged(error, None) from error


def _read(path: Path) -> U8:
    hint = "pip install 'edgedf[pictures]', or give the pixels as a numpy array"
    load("PIL.Image", name="Pillow", purpose="reading picture files", hint=hint, file=path)
    from PIL import Image, UnidentifiedImageError

    try:
        with open_regular(path) as stream, _QUIET, Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(path)
            return _upright(image, path)
    except EdgedfError:
        raise
    except UnidentifiedImageError as error:
        hint = f"name a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
        raise DataError("is not a picture that edgedf reads", file=path, hint=hint) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except OSError as error:
        # Pillow reports a cut file as an OSError without an errno.
        if error.errno is None:
            raise DataError(f"is damaged ({error})", file=path, hint=_AGAIN) from error
        raise read_error(path, error) from error
    except MemoryError as error:
        raise DataError("needs more memory than there is", file=path, hint="make it smaller first") from error
    except Exception as error:
        # Pillow's parsers are written for files that are what they say: damage ends in nearly any built-in
        # exception (struct.error and TypeError too), and no list of them stays complete.
        raise _damaged(error, path) from error


def _damaged(error: Exception, path: Path | None) -> DataError:
    """The error for whatever Pillow raised; a caller's image is `image`, and may be closed, too."""
    reason = str(error)[:200] or type(error).__name__
    if path is not None:
        return DataError(f"is damaged ({reason})", file=path, hint=_AGAIN)
    return DataError(f"cannot be read ({reason})", field="image", hint="open it anew, or make it RGB first")


def _too_large(path: Path) -> DataError:
    return DataError(f"has more than {MAX_PIXELS:,} pixels", file=path, hint="make it smaller first")


class _Quiet:
    """Pillow's warnings stay silent: we check sizes ourselves, and damage is an error of ours.

    Filters belong to the process, and `warnings.catch_warnings` in two threads leaves one's there for good.
    Here the first reader puts one filter in, the last one takes it out, and nobody else's is touched.
    """

    # In a spelling of its own, which tells it from a filter of the program that we run in.
    _MODULE = re.compile(r"(?:PIL)\.")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0

    def __enter__(self) -> None:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                warnings.filterwarnings("ignore", module=self._MODULE.pattern)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                filters = cast("list[Any]", warnings.filters)
                for ours in [entry for entry in filters if entry[3] == self._MODULE]:
                    with contextlib.suppress(ValueError):  # another thread of the program was faster
                        filters.remove(ours)


_QUIET = _Quiet()


def _upright(image: Image, file: Path | None = None) -> U8:
    """Pixels after the EXIF orientation, as RGB; 16-bit grey keeps its upper eight bits."""
    from PIL import ImageOps

    if image.mode == "F":
        hint = "save it with 8 or 16 bits per channel"
        raise DataError("holds floating-point values, whose white nobody knows", file=file, hint=hint)
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I"):
        grey = _grey8(np.asarray(turned).astype(np.int64), turned.mode, file)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.array(turned.convert("RGB"), dtype=np.uint8)


def _grey8(wide_hw: npt.NDArray[np.int64], mode: str, file: Path | None) -> U8:
    """Wide grey as uint8. Mode I;16 holds 0..65535; mode I does not say, so its largest value does."""
    low, high = int(wide_hw.min()), int(wide_hw.max())
    if low < 0 or high > 0xFFFF:
        problem = f"holds grey values {low}..{high}, expected 8 or 16 bits"
        raise DataError(problem, file=file, hint="save it with 8 or 16 bits per channel")
    return (wide_hw if mode == "I" and high <= 0xFF else wide_hw >> 8).astype(np.uint8)
