"""The first use of a foreign model file, in a child process, which is all that a crash takes along.

Hashes say that a file is the one its bundle lists, not that whoever made the bundle meant well. ExecuTorch
and LiteRT check the outer structure of a file, not every number in it, and follow them: a wrong one is a
segmentation fault, or a C++ exception that nobody catches. Neither can be caught from Python.

What a trial does not catch: a crash that depends on where memory happens to lie (one process reads past a
buffer and survives, another does not), or on the crop. And it is no sandbox: the child has its user's rights.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from edgedf.errors import BundleError, NotRunError
from edgedf.files import sha256_bytes

# Importing PyTorch takes a small board ten seconds; the model runs once.
SECONDS = 120.0
# Module, sha256 and arguments of the trials that ended well; one per process and file is enough.
_TRIED: set[tuple[str, ...]] = set()
_HINT = "do not use it: get the bundle again from its maker, or build it again"


def try_in_child(
    module: str,
    data: bytes,
    arguments: Sequence[str],
    *,
    runtime: str,
    path: Path,
    meanwhile: Callable[[], object],
    seconds: float = SECONDS,
) -> None:
    """Run `python -m module arguments` with `data` as its standard input; returns where it ends by itself.

    What this process has tried already is not tried again.

    Args:
        module: loads and runs the model, and exits with 0 also where the runtime refuses it in good order.
        runtime: its name, and `path` the file's, for the error.
        meanwhile: called once the child has started; imports what the parent will need anyway.
        seconds: then the child is killed.
    Raises BundleError if a signal ended the child or it took too long, NotRunError if it cannot be started.
    """
    key = (module, sha256_bytes(data), *arguments)
    if key in _TRIED:
        return
    # In a frozen app (PyInstaller and its like) sys.executable is the app, which would start itself again.
    if not sys.executable or getattr(sys, "frozen", False):
        hint = "use another target: edgedf runs inside a program without a Python of its own"
        raise NotRunError("no interpreter to try the file in first", file=path, hint=hint)
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        # -P: a torch.py in the working folder is no library. PYTHONPATH: where this process imports from.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=stream,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise NotRunError(f"cannot start a process to try it in ({error})", file=path) from error
        with child:
            try:
                meanwhile()
                status = child.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                child.kill()
    if status is None:
        raise BundleError(f"{runtime} does not come to an end on this file", file=path, hint=_HINT)
    if status != 0:
        raise BundleError(f"{runtime} crashes on this file", file=path, hint=_HINT)
    _TRIED.add(key)
