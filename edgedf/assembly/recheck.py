"""Check a finished bundle again: on any machine against its goldens, with its ticket against that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from edgedf.assembly.ticket_reference import TicketReference, hold_to_ticket
from edgedf.bundle.golden import GoldenSet
from edgedf.bundle.reader import Bundle
from edgedf.crop import Box
from edgedf.errors import BundleError, NotRunError
from edgedf.parity.check import check_artifact
from edgedf.parity.gate import Report
from edgedf.parity.golden import upright
from edgedf.parity.golden_check import check_goldens
from edgedf.runtime.backend import Backend
from edgedf.runtime.choice import PREFERENCE, open_agreeing

if TYPE_CHECKING:
    from edgedf.data.sample import Sample

U8 = npt.NDArray[np.uint8]
Picture = tuple[U8, Box]
JITTER_SEED = 1_000_033


@dataclass(frozen=True, slots=True)
class JitterPictures:
    """What box jitter is measured on.

    Attributes:
        faces: upright pictures with their true face boxes; those of files are decoded one at a time.
        labels: 1 for fake and 0 for real per picture, None where nobody knows.
        source: where they are from, in words.
    """

    faces: Sequence[Picture]
    labels: tuple[int, ...] | None
    source: str


def recheck(
    bundle: Bundle,
    targets: Sequence[str],
    reference: TicketReference | None = None,
    *,
    notify: Callable[[str], None] = lambda _: None,
) -> tuple[Report, ...]:
    """The goldens' report, then one per target. Needs no torch without a ticket.

    Args:
        targets: what to check, each in the bundle.
        reference: the bundle's ticket, see `ticket_reference`. Its own logits and contract are then what
            artifacts are held to; None takes the bundle's word for them and checks goldens only.
        notify: called with each target's name as its check starts.
    Raises BundleError if the bundle lacks a target or its goldens make no sense.
    """
    goldens = bundle.goldens()
    entries = [bundle.artifact(target) for target in targets]
    if not entries:
        raise BundleError("holds no artifact, so there is nothing to check", file=bundle.path)
    report = check_goldens(goldens, bundle.manifest.contract)
    if reference is not None:
        goldens, checks = hold_to_ticket(goldens, bundle.manifest, reference)
        report = replace(report, checks=(*report.checks, *checks))
    reports = [report]
    evaluation = None if reference is None else reference.evaluation
    for entry in entries:
        notify(entry.target)
        reports.append(
            check_artifact(
                bundle.folder,
                entry,
                goldens,
                evaluation,
                want_auc=evaluation is not None,
                ticket_sha256=bundle.manifest.ticket_sha256,
                foreign=True,
            )
        )
    return tuple(reports)


def jitter_pictures(goldens: GoldenSet, data: Path | None, limit: int) -> JitterPictures:
    """At most `limit` upright pictures with face boxes.

    The test split of `data`; else rendered faces; else, where OpenCV is missing, the golden faces.
    """
    if data is not None:
        return _dataset_pictures(data, goldens, limit)
    try:
        from edgedf.data.synth import golden_faces

        return JitterPictures(tuple(golden_faces(limit, JITTER_SEED)), None, f"rendered, seed {JITTER_SEED}")
    except ImportError:
        faces = tuple((upright(p), p.box) for p in goldens.pictures if p.name.startswith("face-"))
        return JitterPictures(faces, None, "golden faces")


def first_backend(bundle: Bundle, target: str | None) -> Backend:
    """The backend for `target`, or for the first of PREFERENCE that runs here. Raises NotRunError."""
    if target is not None:
        return open_agreeing(bundle, target)
    have = {entry.target for entry in bundle.manifest.artifacts}
    problems = []
    for name in PREFERENCE:
        if name in have:
            try:
                return open_agreeing(bundle, name)
            except NotRunError as error:
                problems.append(f"{name}: {error.problem}")
    raise NotRunError("; ".join(problems) or "the bundle holds no artifact", file=bundle.path)


def _dataset_pictures(root: Path, goldens: GoldenSet, limit: int) -> JitterPictures:
    from edgedf.assembly.evaluation import readable_test_pictures

    # Read twice: whether it is damaged must be known first, and all at once could fill the memory.
    kept = tuple(sample for sample, _ in readable_test_pictures(root, limit))
    faces = _PictureFiles(root, kept, goldens.contract.box_scale)
    return JitterPictures(faces, tuple(sample.label for sample in kept), "--data's test split")


class _PictureFiles(Sequence[Picture]):
    """Pictures of a data set with their boxes, each decoded when it is asked for."""

    def __init__(self, root: Path, samples: Sequence[Sample], box_scale: float) -> None:
        self._root, self._samples, self._box_scale = root, samples, box_scale

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Picture]: ...

    def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
        from edgedf.crop import whole_picture_box
        from edgedf.data.pictures import read_picture

        if isinstance(index, slice):
            return _PictureFiles(self._root, self._samples[index], self._box_scale)
        sample = self._samples[index]
        picture = read_picture(self._root / sample.path, sha256=sample.sha256)
        height, width = picture.shape[:2]
        return picture, sample.box or whole_picture_box(width, height, self._box_scale)
