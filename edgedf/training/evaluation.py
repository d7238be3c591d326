"""RUN/evaluation: the test crops beside the tickets, so that a build can measure flips and AUC by itself."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.data.cropset import CropSet
from edgedf.errors import DataError
from edgedf.files import new_folder, read_bytes, sha256_bytes, sha256_file

U8 = npt.NDArray[np.uint8]

FOLDER = "evaluation"
CROPS_NAME, LABELS_NAME = "crops.npy", "labels.npy"
# Enough to see a change of 0.1% in decisions; a test split of gigabytes need not travel.
MAX_CROPS = 2000
# MAX_CROPS crops of the largest size that a recipe takes, 512 pixels, and a header.
_MAX_BYTES = MAX_CROPS * 512 * 512 * 3 + 4096
_HINT = "copy the run again, or run the same `edgedf train` again"


def write_evaluation(folder: Path, test: CropSet) -> dict[str, Any]:
    """Write crops.npy (uint8 (N, S, S, 3)) and labels.npy (uint8 (N,)); returns what run.json says of them.

    At most MAX_CROPS crops, evenly spaced over the split, in its order.
    """
    count = len(test)
    rows = np.unique(np.linspace(0, count - 1, min(count, MAX_CROPS)).round().astype(np.int64))
    with new_folder(folder, replace=True) as temporary:
        _save(temporary / CROPS_NAME, test.crops_nhwc[rows])
        _save(temporary / LABELS_NAME, test.labels[rows])
        hashes = {name: sha256_file(temporary / name) for name in (CROPS_NAME, LABELS_NAME)}
    return {"split": "test", "count": len(rows), "of": count, "sha256": hashes}


def read_evaluation(folder: Path, hashes: Mapping[str, str]) -> tuple[U8, U8]:
    """Crops (N, S, S, 3) uint8 and labels (N,) uint8, fake = 1, as `write_evaluation` wrote them.

    Args:
        hashes: file name -> sha256, from run.json.

    Raises DataError if a file is another than run.json says or holds something else, FileError if unreadable.
    """
    crops, labels = (_array(folder / name, hashes[name]) for name in (CROPS_NAME, LABELS_NAME))
    if crops.ndim != 4 or crops.shape[1:] != (crops.shape[1], crops.shape[1], 3) or not len(crops):
        raise DataError(
            f"is {crops.dtype}{list(crops.shape)}, no crops", file=folder / CROPS_NAME, hint=_HINT
        )
    if labels.shape != (len(crops),) or int(labels.max()) > 1:
        problem = f"is not one 0 or 1 for each of {len(crops)} crops"
        raise DataError(problem, file=folder / LABELS_NAME, hint=_HINT)
    return crops, labels


def _save(path: Path, array: U8) -> None:
    """An .npy file; np.save's own way of writing loses the reason why it failed, such as a full disk."""
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
            stream, {"descr": "|u1", "fortran_order": False, "shape": array.shape}
        )
        stream.write(np.ascontiguousarray(array).data)


def _array(path: Path, expected: str) -> U8:
    """An .npy file of uint8, hashed and never unpickled."""
    data = read_bytes(path, max_bytes=_MAX_BYTES)
    if sha256_bytes(data) != expected:
        raise DataError("is not what run.json says: its sha256 differs", file=path, hint=_HINT)
    try:
        array: npt.NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        problem = f"is not a plain .npy array ({str(error)[:100]})"
        raise DataError(problem, file=path, hint=_HINT) from error
    if array.dtype != np.uint8 or array.ndim == 0:
        raise DataError(f"holds {array.dtype}{list(array.shape)}, expected uint8", file=path, hint=_HINT)
    return array
