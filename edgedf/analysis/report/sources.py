"""What a report is about, from a run folder and a bundle; what is missing is said, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.analysis.busy import busy
from edgedf.analysis.describe.bundle import artifact_sizes
from edgedf.analysis.latency import Latency, measure, processor_name
from edgedf.analysis.report.joined import bundle_in, other_ticket
from edgedf.analysis.report.missing import missing_in_bundle, missing_in_run
from edgedf.analysis.sweep import SWEEP_NAME, Sweep, read_sweep
from edgedf.bundle.manifest import MANIFEST_NAME, Manifest
from edgedf.bundle.reader import Bundle, open_bundle
from edgedf.errors import FileError, NotRunError, UsageError
from edgedf.runtime.detector import Detector
from edgedf.training.evaluation import FOLDER, read_evaluation
from edgedf.training.run_file import RUN_NAME, read_run

U8 = npt.NDArray[np.uint8]
SHEET_CROPS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCrop:
    """One picture of the contact sheet: crop (S, S, 3) uint8, its name or class, the score if one was run."""

    crop_hwc: U8
    name: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything the page shows.

    Attributes:
        title: name of the run or bundle.
        run: the document of run.json, or None.
        manifest: the bundle's, or None.
        artifacts_of: a sentence where the bundle is of another ticket than the run's chosen one, else "".
        sizes: target -> (installed, zipped) bytes.
        latencies: one per target of the bundle.
        processor: what the machine that timed them calls its processor, "" where it does not tell.
        busy: a few words where other programs kept that machine busy, else "".
        sweep: latency over sparsity, or None.
        sheet: crops for the contact sheet.
        sheet_runtime: what scored them, "" if nothing did.
        not_run: sentences about everything that is missing or did not run.
    """

    title: str
    run: Mapping[str, Any] | None = None
    manifest: Manifest | None = None
    artifacts_of: str = ""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    latencies: tuple[Latency, ...] = ()
    processor: str = ""
    busy: str = ""
    sweep: Sweep | None = None
    sheet: tuple[SheetCrop, ...] = ()
    sheet_runtime: str = ""
    not_run: tuple[str, ...] = ()


def gather(
    path: Path,
    *,
    runs: int = 30,
    sweep: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sources:
    """Read a run folder (with the bundle in it, if there is one) or a bundle, and time its artifacts.

    Args:
        path: run folder or bundle.
        runs: timed calls per target; 0 times nothing.
        sweep: what `edgedf bench --sweep` wrote; None takes the run's own sweep.json, if there is one.
        progress: called with (rounds done, rounds) while timing.

    Raises UsageError if `path` is neither or the bundle in a run is not of its tickets, BundleError,
    TrainingError or FileError if it is damaged.
    """
    if not path.exists():
        raise FileError("no such file", file=path, hint="check the path")
    is_run = (path / RUN_NAME).is_file()
    if not is_run and not path.is_file() and not (path / MANIFEST_NAME).is_file():
        raise UsageError("is neither a run nor a bundle", file=path, hint="name the folder of `edgedf train`")
    run = read_run(path) if is_run else None
    missing = missing_in_run(run)
    if sweep is None and (path / SWEEP_NAME).is_file():
        sweep = path / SWEEP_NAME
    curve = None if sweep is None else read_sweep(sweep)
    where = bundle_in(path) if is_run else path
    if where is None:
        missing.append("no bundle in this run: no artifact was built, nothing was timed")
        sheet = _evaluation_sheet(path, run)
        return Sources(title=path.name, run=run, sweep=curve, sheet=sheet, not_run=tuple(missing))
    with ExitStack() as stack:
        bundle = stack.enter_context(open_bundle(where))
        artifacts = bundle.manifest.artifacts
        other = "" if run is None else other_ticket(run, bundle.manifest, run=path, bundle=where)
        others = busy() if runs else ""
        latencies = (
            measure(bundle, [a.target for a in artifacts], runs=runs, progress=progress) if runs else ()
        )
        sheet, runtime = _scored(bundle, _evaluation_sheet(path, run) or _golden_sheet(bundle))
        return Sources(
            title=bundle.manifest.name,
            run=run,
            manifest=bundle.manifest,
            artifacts_of=other,
            sizes={entry.target: artifact_sizes(bundle.folder, entry) for entry in artifacts},
            latencies=latencies,
            processor=processor_name(),
            busy=others,
            sweep=curve,
            sheet=sheet,
            sheet_runtime=runtime,
            not_run=(*missing, *missing_in_bundle(bundle.manifest, latencies)),
        )


def _evaluation_sheet(path: Path, run: Mapping[str, Any] | None) -> tuple[SheetCrop, ...]:
    """As many real as fake crops of the test split, evenly spread; () where no run kept any."""
    if run is None or run["evaluation"] is None:
        return ()
    crops, labels = read_evaluation(path / FOLDER, run["evaluation"]["sha256"])
    half = SHEET_CROPS // 2
    chosen = [(label, i) for label in (0, 1) for i in _spread(np.flatnonzero(labels == label), half)]
    return tuple(SheetCrop(crop_hwc=crops[i], name="fake" if label else "real") for label, i in chosen)


def _golden_sheet(bundle: Bundle) -> tuple[SheetCrop, ...]:
    goldens = bundle.goldens()
    rows = _spread(np.arange(len(goldens.pictures)), SHEET_CROPS)
    return tuple(SheetCrop(crop_hwc=goldens.crops_nhwc[i], name=goldens.pictures[i].name) for i in rows)


def _spread(rows: npt.NDArray[Any], count: int) -> list[int]:
    """At most `count` of `rows`, evenly spaced."""
    if len(rows) == 0:
        return []
    places = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    return [int(rows[place]) for place in places]


def _scored(bundle: Bundle, sheet: tuple[SheetCrop, ...]) -> tuple[tuple[SheetCrop, ...], str]:
    """The sheet with scores by the first target that runs here."""
    size = bundle.manifest.contract.size
    if not sheet or any(crop.crop_hwc.shape != (size, size, 3) for crop in sheet):
        return sheet, ""
    try:
        with Detector.open(bundle.path) as detector:
            logits = detector.logits(np.stack([crop.crop_hwc for crop in sheet]))
            runtime = f"{detector.target} on {detector.runtime}"
    except NotRunError:
        return sheet, ""
    scores = [bundle.manifest.contract.score(float(logit)) for logit in logits]
    pairs = zip(sheet, scores, strict=True)
    return tuple(SheetCrop(crop_hwc=c.crop_hwc, name=c.name, score=s) for c, s in pairs), runtime
