"""Small data sets on disk for the tests of this room."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgedf.data.layout import CLASS_FOLDERS, SPLIT_FOLDERS


def jpeg(seed: int = 0, width: int = 40, height: int = 30) -> bytes:
    """A small smooth JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def decoded(data: bytes) -> npt.NDArray[np.uint8]:
    """The pixels of a picture file as Pillow gives them."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def make_dataset(root: Path, *, per_class: int = 2, name: str = "{split}{label}_{number}.jpg") -> Path:
    """The Kaggle layout with `per_class` pictures in each of the six folders."""
    for place, (split, folder) in enumerate(SPLIT_FOLDERS.items()):
        for label, class_folder in CLASS_FOLDERS.items():
            target = root / folder / class_folder
            target.mkdir(parents=True)
            for number in range(per_class):
                file = name.format(split=split, label=label, number=number)
                target.joinpath(file).write_bytes(jpeg(1000 * place + 100 * label + number))
    return root
