"""Latency over sparsity for `bench/native.py --sweep FOLDER`; the same as `edgedf bench --sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import native_tickets

from edgedf.analysis.sweep import SWEEP_NAME, write_sweep
from edgedf.assembly.sweep import Work, run_sweep


def sweep(folder: Path, works: Sequence[native_tickets.Work], turns: int) -> None:
    """Time every work and write sweep.json into `folder`; `edgedf report RUN --sweep FILE` shows it."""
    wanted = [Work(arch=work.arch, size=work.size) for work in works]
    folder.mkdir(parents=True, exist_ok=True)
    write_sweep(folder / SWEEP_NAME, run_sweep(wanted, runs=turns))
