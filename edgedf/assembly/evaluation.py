"""The crops on which a build compares decisions and AUC: the run's own, a data set's, or rendered ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedf.assembly.source import Source
from edgedf.contract import Contract
from edgedf.data.sample import Sample
from edgedf.errors import DataError, FileError, ParityError
from edgedf.parity.values import Evaluation

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

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

    In this order: the test split of `data`; the crops that the ticket's run kept; freshly rendered faces, if
    the ticket was trained on the synthetic benchmark.

    Args:
        limit: take at most this many crops, half of each class, evenly spread over the split.
    Raises DataError if they are damaged, not what the run recorded, or of another crop size.
    """
    contract = source.ticket.contract
    if data is not None:
        return _from_dataset(data, contract, limit)
    if source.run is not None and source.evaluation is not None:
        return _from_run(source.run, source.evaluation, contract, limit)
    if is_synthetic(source):
        return _rendered(contract, limit)
    return None


def dense_evaluation(crops: EvaluationCrops, dense: Callable[[U8], F32]) -> Evaluation:
    """The crops with what the dense network answers.

    Raises ParityError if it answers NaN or infinity: nothing agrees or disagrees with those.
    """
    logits = dense(crops.crops_nhwc)
    if len(bad := np.flatnonzero(~np.isfinite(logits))):
        raise ParityError(
            f"the dense network answers NaN or infinity on {len(bad)} of {len(logits)} evaluation crops "
            f"({crops.source}), the first of them crop {bad[0]}",
            hint="train the ticket again; it can judge nothing",
        )
    return Evaluation(crops_nhwc=crops.crops_nhwc, labels=crops.labels, logits=logits, source=crops.source)


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


def readable_test_pictures(root: Path, limit: int) -> Iterator[tuple[Sample, U8]]:
    """At most `limit` samples of a data set's test split, see `spread`, with their pictures, one at a time.

    Damaged pictures, and ones that index.json does not describe, are left out; `edgedf data show` lists them.
    Raises DataError at the end if they are more than a tenth.
    """
    from edgedf.data.cropset import labels_of
    from edgedf.data.index import read_dataset
    from edgedf.data.pictures import read_picture

    samples = read_dataset(root).splits["test"]
    chosen = [samples[i] for i in spread(labels_of(samples), limit)]
    damaged = 0
    for sample in chosen:
        try:
            picture = read_picture(root / sample.path, sha256=sample.sha256)
        except (DataError, FileError):
            damaged += 1
        else:
            yield sample, picture
    if damaged > 0.1 * len(chosen):
        raise DataError(
            f"{damaged} of {len(chosen)} test pictures are damaged",
            file=root,
            hint=f"`edgedf data show {shlex.quote(str(root))}` lists them",
        )


def _from_run(run: Path, hashes: Mapping[str, str], contract: Contract, limit: int) -> EvaluationCrops:
    from edgedf.training.evaluation import FOLDER, read_evaluation

    crops, labels = read_evaluation(run / FOLDER, hashes)
    if crops.shape[1] != contract.size:
        problem = f"holds crops of {crops.shape[1]} pixels, the ticket takes {contract.size}"
        raise DataError(problem, file=run / FOLDER, hint="train again, or name --data")
    chosen = spread(labels, limit)
    return EvaluationCrops(
        crops_nhwc=np.array(crops[chosen]), labels=labels[chosen], source="the run's test split"
    )


def _from_dataset(root: Path, contract: Contract, limit: int) -> EvaluationCrops:
    from edgedf.data.cropset import crop_sample, labels_of

    kept, crops = [], []
    for sample, picture in readable_test_pictures(root, limit):
        kept.append(sample)
        crops.append(crop_sample(picture, sample.box, contract))
    return EvaluationCrops(crops_nhwc=np.stack(crops), labels=labels_of(kept), source="--data's test split")


def _rendered(contract: Contract, limit: int) -> EvaluationCrops:
    from edgedf.data.synth import evaluation_crops

    found = evaluation_crops(contract, count=limit, seed=SYNTH_SEED)
    return EvaluationCrops(
        crops_nhwc=found.crops_nhwc, labels=found.labels, source=f"rendered, seed {SYNTH_SEED}"
    )
