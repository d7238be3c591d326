"""The page's part about the bundle: sizes, latency, parity and flips per artifact, and the contact sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from edgedf.analysis.busy import EFFECT
from edgedf.analysis.latency import Latency
from edgedf.analysis.report.markup import Html, Part, join, section, table, tag
from edgedf.analysis.report.sources import SheetCrop, Sources
from edgedf.bundle.manifest import ArtifactEntry, Manifest
from edgedf.bundle.parity_record import ParityMetrics


def artifact_section(sources: Sources, manifest: Manifest) -> Html:
    """One row per artifact."""
    columns = (
        "target",
        "precision",
        "installed",
        "zipped",
        "median ms",
        "10th to 90th",
        "max logit error",
        "allowed",
        "own weights",
        "flips",
        "AUC change",
        "gate",
        "checked with",
    )
    by_target = {latency.target: latency for latency in sources.latencies}
    rows = [
        _row(entry, sources.sizes[entry.target], by_target.get(entry.target)) for entry in manifest.artifacts
    ]
    timed = sorted({f"{item.target} on {item.runtime}" for item in sources.latencies if item.runtime})
    note = (
        "Sizes in bytes. Latency: one crop, one thread, calls interleaved between targets, on the machine "
        f"that wrote this page ({'; '.join(timed) or 'nothing was timed'}). Logit errors are relative to the "
        "scale of the logits on the golden pictures: against dense PyTorch, and against what the file's own "
        "weights give, which tells the rounding of weights from an error of the converter. Flips: decisions "
        "that differ from dense PyTorch on golden pictures, and on evaluation crops."
    )
    shown = table(columns, rows, numbers=columns[2:11])
    parts = (_artifacts_of(sources), shown, _timed_on(sources), tag("p", note, class_="note"))
    return section("Artifacts", *parts)


def _timed_on(sources: Sources) -> Html | None:
    """Which processor the latencies are of, and whether it had other work; None where nothing was timed."""
    if all(latency.median is None for latency in sources.latencies):
        return None
    where = f"Timed on {sources.processor or 'an unnamed processor'}; "
    if not sources.busy:
        return tag("p", where + "no other load was seen when timing began.")
    warning = tag("strong", f"{sources.busy}: {EFFECT}.")
    return tag("p", where, warning)


def _artifacts_of(sources: Sources) -> Html | None:
    """Said wherever the bundle's figures stand beside a run that chose another ticket."""
    return tag("p", tag("strong", sources.artifacts_of)) if sources.artifacts_of else None


def _row(entry: ArtifactEntry, sizes: tuple[int, int], latency: Latency | None) -> Sequence[Part]:
    parity = entry.parity
    found = parity.metrics
    median, spread = "NOT RUN", None
    if latency is not None and latency.median is not None:
        median, spread = f"{latency.median:.2f}", f"{latency.low:.2f} to {latency.high:.2f}"
    shown = tag("span", parity.label, class_=f"outcome {parity.outcome.replace('_', '-')}")
    return (
        entry.target,
        entry.precision,
        f"{sizes[0]:,}",
        f"{sizes[1]:,}",
        median,
        spread,
        _number(found.max_logit_error if found else None),
        _number(entry.tolerances.max_logit_error),
        _number(parity.conversion.measured if parity.conversion else None),
        _flips(found) if found else None,
        _number(found.auc_change if found else None),
        shown,
        parity.runtime or "NOT RUN",
    )


def _flips(found: ParityMetrics) -> str:
    crops = "–" if found.evaluation_flips is None else f"{found.evaluation_flips} of {found.evaluation_crops}"
    return f"{found.golden_flips} of {found.goldens}, {crops}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def sheet_section(sources: Sources) -> Html | None:
    """The contact sheet; None where there is no crop to show."""
    if not sources.sheet:
        return None
    runtime = f" Scores (probability of fake) by {sources.sheet_runtime}." if sources.sheet_runtime else ""
    intro = tag("p", f"Crops as the network sees them, under each its name.{runtime}")
    other = _artifacts_of(sources) if runtime else None
    return section("Contact sheet", intro, other, tag("div", *map(_thumbnail, sources.sheet), class_="sheet"))


def _thumbnail(crop: SheetCrop) -> Html:
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(crop.crop_hwc)
    image.thumbnail((128, 128))
    image.save(buffer, "JPEG", quality=88)
    source = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    score = "" if crop.score is None else f" {crop.score:.2f}"
    picture = Html(f'<img alt="" src="{source}" width="96" height="96">')
    return tag("figure", picture, tag("figcaption", crop.name + score))


def bundle_section(manifest: Manifest) -> Html:
    """What the bundle is: network, contract, ticket."""
    contract = manifest.contract.to_json()
    facts: dict[str, Part] = {
        "bundle": manifest.name,
        "network": f"{manifest.arch} {', '.join(f'{k} {v}' for k, v in sorted(manifest.arch_args.items()))}",
        "ticket sha256": tag("code", manifest.ticket_sha256),
        "contract sha256": tag("code", manifest.contract.sha256),
        **{f"contract: {key}": str(value) for key, value in contract.items()},
    }
    tools = sorted({f"{k} {v}" for entry in manifest.artifacts for k, v in entry.tools.items()})
    details = table(("what", "value"), (facts | {"tools": ", ".join(tools)}).items())
    return section("Bundle", join((tag("details", tag("summary", "Contract, hashes, tools"), details),)))
