"""The crops on which a build compares decisions and AUC: the run's own, a data set's, or rendered ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.assembly.source import Source
from edgedf.contract import Contract
from edgedf.errors import DataError
from edgedf.files import read_error

U8 = npt.NDArray[np.uint8]

EVALUATION_FOLDER = "evaluation"
DEFAULT_LIMIT = 400
# Far from the seeds that training splits use, so that nothing rendered here was ever trained on.
SYNTH_SEED = 77_000_003


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationCrops:
    """Crops (N, S, S, 3) uint8, labels (N,) uint8 with fake = 1, and in words where they are from."""

    crops_nhwc: U8
    labels: U8
    source: str


def find_evaluation(source: Source, data: Path | None, limit: int) -> EvaluationCrops | None:
    """The evaluation crops of a build, or None where there are none.

    In this order: the test split of `data`; the run's evaluation folder, if the ticket lies in a run; freshly
    rendered faces, if the ticket was trained on the synthetic benchmark.

    Args:
        limit: take at most this many crops, half of each class, evenly spread over the split.
    Raises DataError if the folder is there and damaged or of another crop size.
    """
    contract = source.ticket.contract
    if data is not None:
        return _from_dataset(data, contract, limit)
    if source.run is not None and (source.run / EVALUATION_FOLDER).is_dir():
        return _from_run(source.run / EVALUATION_FOLDER, contract, limit)
    if is_synthetic(source):
        return _rendered(contract, limit)
    return None


def is_synthetic(source: Source) -> bool:
    """Whether the lineage says that the ticket was trained on the synthetic benchmark."""
    from edgedf.data.synth.writer import NAME as SYNTHETIC

    return bool(source.ticket.lineage.dataset.get("name") == SYNTHETIC)


def spread(labels: U8, limit: int) -> npt.NDArray[np.int64]:
    """Ascending indices of at most `limit` samples: even shares of both classes, evenly spaced in each."""
    if len(labels) <= limit:
        return np.arange(len(labels))
    fake, real = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    share = min(len(fake), max(limit // 2, limit - len(real)))
    parts = [
        members[np.linspace(0, len(members) - 1, count).round().astype(np.int64)]
        for members, count in ((fake, share), (real, limit - share))
        if count
    ]
    return np.sort(np.concatenate(parts))


def _from_run(folder: Path, contract: Contract, limit: int) -> EvaluationCrops:
    crops, labels = _array(folder / "crops.npy"), _array(folder / "labels.npy")
    size = contract.size
    if crops.dtype != np.uint8 or crops.shape != (len(crops), size, size, 3):
        problem = f"is {crops.dtype}{list(crops.shape)}, expected uint8[N, {size}, {size}, 3]"
        raise DataError(problem, file=folder / "crops.npy", hint="train again, or name --data")
    if labels.shape != (len(crops),) or not bool(np.isin(labels, (0, 1)).all()):
        problem = f"is not one 0 or 1 for each of {len(crops)} crops"
        raise DataError(problem, file=folder / "labels.npy", hint="train again")
    truth = labels.astype(np.uint8)
    chosen = spread(truth, limit)
    return EvaluationCrops(
        crops_nhwc=np.array(crops[chosen]), labels=truth[chosen], source="the run's test split"
    )


def _array(path: Path) -> npt.NDArray[np.generic]:
    """An .npy file, memory-mapped and never unpickled."""
    try:
        array: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise read_error(path, error) from error
    except (ValueError, EOFError) as error:
        raise DataError(f"is not a plain .npy array ({error})", file=path, hint="train again") from error
    if array.ndim == 0:
        raise DataError("holds a single number", file=path, hint="train again")
    return array


def _from_dataset(root: Path, contract: Contract, limit: int) -> EvaluationCrops:
    from edgedf.data.cropset import crop_sample, labels_of
    from edgedf.data.index import read_dataset
    from edgedf.data.pictures import read_picture

    samples = read_dataset(root).splits["test"]
    chosen = [samples[i] for i in spread(labels_of(samples), limit)]
    kept, crops = [], []
    for sample in chosen:
        try:
            picture = read_picture(root / sample.path)
        except DataError:
            continue  # damaged pictures are `edgedf data`'s matter; the count below guards against many
        kept.append(sample)
        crops.append(crop_sample(picture, sample.box, contract))
    if len(kept) < 0.9 * len(chosen):
        raise DataError(
            f"{len(chosen) - len(kept)} of {len(chosen)} test pictures are damaged",
            file=root,
            hint="`edgedf data` lists them",
        )
    return EvaluationCrops(crops_nhwc=np.stack(crops), labels=labels_of(kept), source="--data's test split")


def _rendered(contract: Contract, limit: int) -> EvaluationCrops:
    from edgedf.data.synth import evaluation_crops

    found = evaluation_crops(contract, count=limit, seed=SYNTH_SEED)
    return EvaluationCrops(
        crops_nhwc=found.crops_nhwc, labels=found.labels, source=f"rendered, seed {SYNTH_SEED}"
    )
