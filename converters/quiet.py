"""Other people's converters print; users of edgedf must not see it. This hides it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from edgedf.errors import ConvertError, EdgedfError, NotRunError
from edgedf.runtime.host_quiet import quiet_output


@contextlib.contextmanager
def quiet(step: str) -> Iterator[None]:
    """Run third-party code without a byte reaching the terminal, and turn its failures into ours.

    Redirects Python's streams and the file descriptors 1 and 2 (C++ writes there directly), drops warnings
    and log records. The process-wide descriptors make this unfit for threads that print meanwhile.

    Args:
        step: what is being done, for the error: "ExecuTorch lowering".
    Raises NotRunError if a package is missing, ConvertError with the tool's own words on any other failure.
    """
    try:
        with quiet_output(), _no_warnings():
            yield
    except (EdgedfError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        hint = "install edgedf with its `convert` extra: pip install 'edgedf[convert]'"
        raise NotRunError(f"{step} needs {package}, which is not installed", hint=hint) from error
    except Exception as error:
        raise ConvertError(f"{step} failed: {_first_line(error)}") from error


def tool_versions(*packages: str) -> dict[str, str]:
    """Installed version of each distribution, for an artifact's `tools`; one that is missing is left out."""
    found: dict[str, str] = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Warnings and log records go nowhere; both settings are as before afterwards."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
