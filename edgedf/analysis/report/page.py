"""The page as a whole: one HTML file that loads nothing from anywhere."""

from __future__ import annotations

from edgedf import __version__
from edgedf.analysis.report.artifacts import artifact_section, bundle_section, sheet_section
from edgedf.analysis.report.markup import Html, Part, join, section, tag
from edgedf.analysis.report.quality import weak_detectors
from edgedf.analysis.report.sources import Sources
from edgedf.analysis.report.style import STYLE
from edgedf.analysis.report.sweep import sweep_section
from edgedf.analysis.report.training import curve_section, lineage_section

# Even a string that slipped through escaping could load or run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(sources: Sources) -> str:
    """The page. Equal sources give equal text: no time of day, no random ids."""
    parts: list[Part] = [tag("header", tag("h1", sources.title), _summary(sources), _weak(sources))]
    if sources.run is not None:
        parts.append(curve_section(sources.run))
    if sources.manifest is not None:
        parts.append(artifact_section(sources, sources.manifest))
    if sources.sweep is not None:
        parts.append(sweep_section(sources.sweep))
    parts += [sheet_section(sources), _not_run(sources)]
    if sources.run is not None:
        parts.append(lineage_section(sources.run))
    if sources.manifest is not None:
        parts.append(bundle_section(sources.manifest))
    parts.append(tag("footer", f"written by edgedf {__version__}"))
    head = join(
        (
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="color-scheme" content="light dark">'),
            tag("title", f"{sources.title}: edgedf report"),
            Html(f"<style>{STYLE}</style>"),
        )
    )
    page = tag("html", tag("head", head), tag("body", tag("main", *parts)), lang="en")
    return f"<!doctype html>\n{page.text}\n"


def _summary(sources: Sources) -> Html:
    """A few sentences: what, how sparse, whether the gate passed."""
    lines = []
    if sources.run is not None:
        recipe, data = sources.run["recipe"], sources.run["dataset"]
        lines.append(f"{recipe.get('arch', '?')} trained on {data.get('name', 'unnamed data')}.")
        if data.get("description"):
            lines.append(f"Data: {data['description']}.".replace("..", "."))
        chosen = sources.run.get("chosen")
        if chosen:
            lines.append(f"Chosen ticket: {100 * float(chosen.get('sparsity', 0)):.1f} % sparse.")
    if sources.manifest is not None:
        outcomes = [entry.parity.outcome for entry in sources.manifest.artifacts]
        passed = outcomes.count("pass")
        lines += [sources.artifacts_of] if sources.artifacts_of else []
        lines.append(f"{passed} of {len(outcomes)} artifacts passed every parity check when they were built.")
    return tag("p", " ".join(lines), class_="lead")


def _weak(sources: Sources) -> Html | None:
    """Sparsity and parity of a detector that only guesses would read like success."""
    sentence = "" if sources.run is None else weak_detectors(sources.run)
    return tag("p", tag("strong", sentence)) if sentence else None


def _not_run(sources: Sources) -> Html:
    if not sources.not_run:
        return section("Not run", tag("p", "Everything this page knows of was run."))
    return section(
        "Not run", tag("ul", *(tag("li", line) for line in sources.not_run), class_="not-run-list")
    )
