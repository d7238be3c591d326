"""RUN/evaluation: the test crops beside the tickets, so that a build can measure flips and AUC by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgedf.data.cropset import CropSet
from edgedf.files import new_folder, sha256_file

# Enough to see a change of 0.1% in decisions; a test split of gigabytes need not travel.
MAX_CROPS = 2000


def write_evaluation(folder: Path, test: CropSet) -> dict[str, Any]:
    """Write crops.npy (uint8 (N, S, S, 3)) and labels.npy (uint8 (N,)); returns what run.json says of them.

    At most MAX_CROPS crops, evenly spaced over the split, in its order.
    """
    count = len(test)
    rows = np.unique(np.linspace(0, count - 1, min(count, MAX_CROPS)).round().astype(np.int64))
    with new_folder(folder, replace=True) as temporary:
        with (temporary / "crops.npy").open("wb") as stream:
            np.save(stream, test.crops_nhwc[rows], allow_pickle=False)
        with (temporary / "labels.npy").open("wb") as stream:
            np.save(stream, test.labels[rows], allow_pickle=False)
        hashes = {name: sha256_file(temporary / name) for name in ("crops.npy", "labels.npy")}
    return {"split": "test", "count": len(rows), "of": count, "sha256": hashes}
