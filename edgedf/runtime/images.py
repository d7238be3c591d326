"""Pictures: any way a caller may hold one -> upright RGB uint8 (H, W, 3)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from edgedf.errors import CropError, DataError, NotRunError
from edgedf.os_errors import read_error

if TYPE_CHECKING:
    from PIL.Image import Image

U8 = npt.NDArray[np.uint8]
# Larger than any camera's picture; beyond it a small file could fill the memory when decoded.
MAX_PIXELS = 200_000_000
_AGAIN = "copy it again from where it came from"


def load_picture(picture: str | Path | U8 | Image) -> U8:
    """The upright RGB picture (H, W, 3) uint8.

    Args:
        picture: a path of an image file (EXIF orientation is applied), a Pillow image (the same), or
            an array uint8 (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, taken as upright. Alpha is ignored.

    Raises DataError if the file is no picture, FileError if it cannot be read, CropError if the array has
    another form, NotRunError if Pillow is needed and missing.
    """
    if isinstance(picture, str | Path):
        return _read(Path(picture))
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    # A Pillow image can only exist where Pillow is loaded; no import on a device without it.
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(picture, pillow.Image):
        return _upright(cast("Image", picture))
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


def _read(path: Path) -> U8:
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError as error:
        hint = "pip install 'edgedf[pictures]', or give the pixels as a numpy array"
        raise NotRunError("reading picture files needs Pillow", file=path, hint=hint) from error
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                problem = f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}"
                raise DataError(problem, file=path, hint="make it smaller first")
            return _upright(image)
    except UnidentifiedImageError as error:
        hint = "name a JPEG, PNG or other picture file"
        raise DataError("is not a picture that Pillow can read", file=path, hint=hint) from error
    except Image.DecompressionBombError as error:
        raise DataError("has too many pixels", file=path, hint="make it smaller first") from error
    except OSError as error:
        # Pillow reports a cut file as an OSError without an errno.
        if error.errno is None:
            raise DataError(f"is damaged ({error})", file=path, hint=_AGAIN) from error
        raise read_error(path, error) from error
    except (ValueError, SyntaxError, EOFError, ArithmeticError, LookupError) as error:
        raise DataError(f"is damaged ({str(error)[:200]})", file=path, hint=_AGAIN) from error


def _upright(image: Image) -> U8:
    """Pixels after the EXIF orientation, as RGB; 16-bit grey keeps its upper eight bits."""
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I;16") or turned.mode == "I":
        wide = np.asarray(turned).astype(np.int64)
        grey = np.clip(wide >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.array(turned.convert("RGB"), dtype=np.uint8)
