"""Where `edgedf detect --draw` puts its pictures, and putting them there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgedf.errors import UsageError
from edgedf.os_errors import write_error
from edgedf.runtime.verdict import Verdict


def drawings(photos: Sequence[Path], draw: Path | None) -> dict[Path, Path]:
    """photo -> where its drawing goes. Raises UsageError where a drawing would replace a photo or another."""
    if draw is None:
        return {}
    from edgedf.runtime.draw import FORMATS

    if len(photos) == 1 and not draw.is_dir():
        if draw.suffix.lower() not in FORMATS:
            raise UsageError(f"{draw} must end in {', '.join(FORMATS)}", field="--draw")
        outputs = {photos[0]: draw}
    else:
        _check_folder(draw, len(photos), FORMATS)
        outputs = {photo: draw / f"{photo.stem}.png" for photo in photos}
        if len(set(outputs.values())) < len(outputs):
            raise UsageError(
                "two pictures have the same name", field="--draw", hint="draw them one at a time"
            )
    sources = {photo.resolve() for photo in photos}
    for output in outputs.values():
        if output.resolve() in sources:
            raise UsageError(f"{output} is an input picture", field="--draw", hint="choose another name")
    return outputs


def _check_folder(draw: Path, count: int, endings: Sequence[str] | dict[str, str]) -> None:
    """Raises UsageError where a picture's name was given for the drawings of several pictures."""
    if draw.is_dir() or (draw.suffix.lower() not in endings and not draw.exists()):
        return
    problem = f"{draw} names one file for the drawings of {count} pictures"
    raise UsageError(
        problem, field="--draw", hint=f"name a folder, e.g. --draw {shlex.quote(draw.stem or 'drawn')}"
    )


def draw_into(output: Path, image_hwc: Any, verdicts: tuple[Verdict, ...]) -> None:
    """Write the marked picture, and the folder it goes to. Raises FileError if it cannot be written."""
    from edgedf.runtime.draw import draw_verdicts, save_picture

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(output.parent, error) from error
    save_picture(output, draw_verdicts(image_hwc, verdicts))
