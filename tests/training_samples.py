"""A tiny data set in the Kaggle layout that a network can learn: fakes carry a fine grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SPLITS = {"Train": 24, "Validation": 12, "Test": 12}
SIDE = 64


def write_faces(root: Path, *, seed: int = 0, counts: dict[str, int] | None = None) -> Path:
    """Write `counts` pictures of each class per split, SIDE pixels square."""
    generator = np.random.default_rng(seed)
    for split, count in (counts or SPLITS).items():
        for label in ("Real", "Fake"):
            folder = root / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                _picture(generator, fake=label == "Fake").save(folder / f"{split}{label}{number:03d}.png")
    return root


def _picture(generator: np.random.Generator, *, fake: bool) -> Image.Image:
    ramp = np.linspace(0, 1, SIDE)[:, None, None] * generator.uniform(-60, 60, 3)
    pixels = generator.uniform(80, 170, 3) + ramp + generator.normal(0, 6, (SIDE, SIDE, 3))
    if fake:
        pixels[::2, ::2] += 40
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
