"""What every test needs."""

from __future__ import annotations

import os
import signal


def pytest_configure() -> None:
    """Programs started by tests must hear Ctrl-C, also where pytest itself runs in the background.

    A shell starts background jobs with SIGINT ignored, and that is inherited by every child.
    """
    if os.name == "posix" and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
