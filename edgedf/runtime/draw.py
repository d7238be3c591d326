"""Draw verdicts into a picture: a box and a label per face."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.errors import FileError, UsageError
from edgedf.files import write_atomic
from edgedf.runtime.images import load_picture
from edgedf.runtime.libraries import load
from edgedf.runtime.verdict import Verdict

U8 = npt.NDArray[np.uint8]
# Colour-blind safe (Okabe and Ito): vermilion for fake, bluish green for real.
_COLOURS = {"fake": (213, 94, 0), "real": (0, 158, 115)}
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def draw_verdicts(image_hwc: U8, verdicts: Sequence[Verdict]) -> U8:
    """A copy of the upright picture as RGB (H, W, 3), with boxes and "fake 0.93" above them.

    Args:
        image_hwc: uint8 (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, as `Detector.detect` takes it.

    Raises NotRunError if Pillow is not installed, CropError on an array of another form.
    """
    load("PIL.Image", name="Pillow", purpose="drawing", hint="pip install 'edgedf[pictures]'")
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.fromarray(np.ascontiguousarray(load_picture(image_hwc))).copy()
    pen = ImageDraw.Draw(canvas)
    line = max(2, round(min(canvas.size) / 200))
    font = ImageFont.load_default(size=max(12, round(min(canvas.size) / 28)))
    for verdict in verdicts:
        box, colour = verdict.box, _COLOURS[verdict.label]
        pen.rectangle((box.x, box.y, box.x + box.width, box.y + box.height), outline=colour, width=line)
        text = f"{verdict.label} {verdict.score:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        height = bottom - top + 2 * line
        # Above the face, or inside its upper edge where the face touches the top of the picture.
        y = box.y - height if box.y >= height else box.y
        x = min(max(0.0, box.x), max(0.0, canvas.width - (right - left) - 2 * line))
        pen.rectangle((x, y, x + right - left + 2 * line, y + height), fill=colour)
        pen.text((x + line - left, y + line - top), text, fill="white", font=font)
    return np.asarray(canvas, dtype=np.uint8)


def save_picture(path: Path, image_hwc: U8) -> None:
    """Write a picture whole or not at all, in the format of the file name's ending.

    Raises UsageError on an ending that is not in FORMATS, FileError if it cannot be written: a WebP holds
    16,383 pixels a side, a JPEG 65,500.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        endings = ", ".join(FORMATS)
        raise UsageError(f"ends in {path.suffix!r}, expected one of {endings}", file=path)
    load("PIL.Image", name="Pillow", purpose="drawing", hint="pip install 'edgedf[pictures]'")
    from PIL import Image

    buffer = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(image_hwc)).save(buffer, form, quality=92)
    except (ValueError, OSError) as error:
        height, width = image_hwc.shape[:2]
        problem = f"{form} cannot hold this picture of {width} x {height} pixels ({str(error)[:200]})"
        raise FileError(problem, file=path, hint="give it a name that ends in .png") from error
    write_atomic(path, buffer.getvalue())
