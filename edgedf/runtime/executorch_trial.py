"""Load and run a .pte from standard input once: `python -m edgedf.runtime.executorch_trial SIDE THREADS`.

Exit code 0 whether ExecuTorch takes the file or refuses it; only a crash gives another. See trial.py.
"""

from __future__ import annotations

import contextlib
import sys

from edgedf.runtime.executorch_backend import METADATA_METHOD, METHOD, REFUSALS, first_use


def main() -> None:
    """Everything that the backend will ask of the file, in the same order; an error ends one step only."""
    side, threads = int(sys.argv[1]), int(sys.argv[2])
    data = sys.stdin.buffer.read()
    for method in (METHOD, METADATA_METHOD):
        with contextlib.suppress(*REFUSALS):
            first_use(data, method, side, threads)


if __name__ == "__main__":
    main()
