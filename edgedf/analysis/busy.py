"""Whether other programs keep the processors busy while this one is about to time something."""

from __future__ import annotations

import os
import time
from pathlib import Path

# What busy processors do to a table of latencies; follows the words of `busy`.
EFFECT = "medians hold their time too, the 10th percentiles less"
_SECONDS = 0.3
_STAT = Path("/proc/stat")


def busy() -> str:
    """A few words where other programs take more than a quarter of the processors, else "".

    Looks for 0.3 s, in which this program sleeps: the load average would blame it for its own last minute.
    Where the system has no /proc/stat the load average has to do; where it has neither nothing is said.
    """
    cores = os.cpu_count() or 1
    used = _cores_in_use(cores)
    if used is not None:
        return told(used, cores)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return told(min(load, cores), cores)


def told(used: float, cores: int) -> str:
    """The words for `used` of `cores` processors."""
    return f"other programs are running ({used:.1f} of {cores} cores busy)" if used > cores / 4 else ""


def _cores_in_use(cores: int) -> float | None:
    before = _ticks()
    time.sleep(_SECONDS)
    after = _ticks()
    if before is None or after is None or after[1] <= before[1]:
        return None
    return cores * (after[0] - before[0]) / (after[1] - before[1])


def _ticks() -> tuple[int, int] | None:
    """Clock ticks of all processors since the start: at work, and in all (proc_stat(5))."""
    try:
        fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    if len(fields) < 5:
        return None
    # The fourth and fifth are idle, and idle while a disk works.
    return sum(fields) - fields[3] - fields[4], sum(fields)
