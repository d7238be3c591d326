"""Load and run a .tflite from standard input once: `python -m edgedf.runtime.tflite_trial SIDE THREADS`.

Exit code 0 whether LiteRT takes the file or refuses it; only a crash gives another. See trial.py.
"""

from __future__ import annotations

import contextlib
import sys

from edgedf.runtime.tflite_backend import REFUSALS, first_use


def main() -> None:
    """Everything that the backend will ask of the file, in the same order."""
    with contextlib.suppress(*REFUSALS):
        first_use(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
