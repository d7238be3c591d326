"""Whether a run and the bundle in it belong together: which of the run's tickets the artifacts are of."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedf.analysis.report.names import network_name
from edgedf.bundle.manifest import MANIFEST_NAME, Manifest
from edgedf.bundle.paths import RUN_BUNDLE
from edgedf.errors import UsageError


def bundle_in(run: Path) -> Path | None:
    """The bundle of the run's chosen ticket, else the only one there. Raises UsageError on several."""
    found = sorted(path for path in run.glob("*.edgedf") if (path / MANIFEST_NAME).is_file())
    if run / RUN_BUNDLE in found:
        return run / RUN_BUNDLE
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        hint = f"name the bundle itself, or build the run's own {RUN_BUNDLE} with `{_build(run)}`"
        raise UsageError(f"holds {len(found)} bundles ({names})", file=run, hint=hint)
    return found[0] if found else None


def other_ticket(document: Mapping[str, Any], manifest: Manifest, *, run: Path, bundle: Path) -> str:
    """ "" if the bundle is that of the run's chosen ticket, else a sentence that says which point it is.

    Args:
        document: of run.json.
        run, bundle: the folders, for the error.

    Raises UsageError if the bundle was built from no ticket of this run.
    """
    chosen, built = document["chosen"], manifest.ticket_sha256
    if chosen is not None and built == chosen["sha256"]:
        return ""
    for point in document["points"]:
        if point["sha256"] == built:
            which = f"{network_name(point['kind'], point['round'])}, round {point['round']}, "
            which += f"seed {point['seed']}, {100 * point['sparsity']:.2f} % sparse"
            rest = "the run has chosen no ticket yet" if chosen is None else "not of the chosen ticket"
            return f"These artifacts are of: {which}; {rest}."
    own = "has chosen none yet" if chosen is None else f"chose {chosen['sha256'][:12]}"
    raise UsageError(
        f"was built from ticket {built[:12]}, which is none of the tickets of {run} (it {own})",
        file=bundle,
        hint=f"build again with `{_build(run)}`, or move the bundle elsewhere and report it alone",
    )


def _build(run: Path) -> str:
    return f"edgedf build {shlex.quote(str(run))}"
