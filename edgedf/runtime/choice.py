"""Which target of a bundle runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.backend import Backend, open_backend

if TYPE_CHECKING:
    from edgedf.bundle.reader import Bundle

# Which target to take when the caller does not care: the fastest first, the slow reference last.
PREFERENCE = ("native", "tflite", "executorch", "coreml")


def choose_backend(bundle: Bundle, target: str | None, threads: int) -> Backend:
    """The backend of the named target, or of the first of PREFERENCE in the bundle that runs here.

    Raises BundleError if the bundle lacks the target, NotRunError with every reason if none runs.
    """
    if target is not None:
        return open_backend(bundle.folder, bundle.manifest.artifact(target), threads=threads, foreign=True)
    held = {entry.target for entry in bundle.manifest.artifacts}
    reasons = []
    for candidate in PREFERENCE:
        if candidate not in held:
            continue
        try:
            entry = bundle.manifest.artifact(candidate)
            return open_backend(bundle.folder, entry, threads=threads, foreign=True)
        except NotRunError as error:
            reasons.append(f"{candidate}: {error.problem}")
    if not reasons:
        raise BundleError("holds no artifact", file=bundle.folder, hint="build it again")
    hint = "install one runtime, e.g. pip install 'edgedf[litert]'; `edgedf doctor` lists them"
    raise NotRunError(f"no target runs here ({'; '.join(reasons)})", file=bundle.folder, hint=hint)
