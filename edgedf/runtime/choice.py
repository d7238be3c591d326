"""Which target of a bundle runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedf.errors import BundleError, NotRunError
from edgedf.runtime.backend import Backend, open_backend
from edgedf.runtime.carried_check import carried_problems

if TYPE_CHECKING:
    from edgedf.bundle.reader import Bundle

# Which target to take when the caller does not care: the fastest first, the slow reference last.
PREFERENCE = ("native", "tflite", "executorch", "coreml")


def choose_backend(bundle: Bundle, target: str | None, threads: int) -> Backend:
    """The backend of the named target, or of the first of PREFERENCE in the bundle that runs here.

    Raises BundleError if the bundle lacks the target or its file contradicts the manifest, NotRunError with
    every reason if none runs.
    """
    if target is not None:
        return open_agreeing(bundle, target, threads)
    held = {entry.target for entry in bundle.manifest.artifacts}
    reasons = []
    for candidate in PREFERENCE:
        if candidate not in held:
            continue
        try:
            return open_agreeing(bundle, candidate, threads)
        except NotRunError as error:
            reasons.append(f"{candidate}: {error.problem}")
    if not reasons:
        raise BundleError("holds no artifact", file=bundle.folder, hint="build it again")
    hint = "install one runtime, e.g. pip install 'edgedf[litert]'; `edgedf doctor` lists them"
    raise NotRunError(f"no target runs here ({'; '.join(reasons)})", file=bundle.folder, hint=hint)


def open_agreeing(bundle: Bundle, target: str, threads: int = 1) -> Backend:
    """The backend of a target, whose file carries the contract and the ticket that the manifest names.

    Verdicts go by the manifest, and an app without it goes by the file: they must not differ.
    Raises BundleError if the bundle lacks the target or its file says otherwise, NotRunError if no runtime
    for it is here.
    """
    manifest = bundle.manifest
    entry = manifest.artifact(target)
    backend = open_backend(bundle.folder, entry, threads=threads, foreign=True)
    try:
        if wrong := carried_problems(backend, manifest.contract, manifest.ticket_sha256):
            raise BundleError(wrong[0], file=bundle.path, field=entry.path, hint="build the bundle again")
    except BaseException:
        backend.close()
        raise
    return backend
