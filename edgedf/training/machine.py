"""The machine a run trains on: device, threads, determinism."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from edgedf.errors import NotRunError, UsageError
from edgedf.training.checks import check_integer

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where training runs.

    Attributes:
        device: "cpu" or "cuda".
        threads: CPU threads of one operation; the same number gives the same bytes.
    """

    device: str
    threads: int

    def to_json(self) -> dict[str, Any]:
        return {"device": self.device, "threads": self.threads}


def prepare_machine(device: str = "auto", threads: int | None = None) -> Machine:
    """Choose the device, set PyTorch's thread count and its deterministic kernels.

    Args:
        device: "auto" takes CUDA when there is one, else the CPU.
        threads: 1..256; None takes as many as this process may use processors.
    Raises NotRunError if CUDA is asked for and absent, UsageError on an unknown device.
    """
    import torch

    if device not in DEVICES:
        raise UsageError(f"is {device!r}, expected one of {', '.join(DEVICES)}", field="device")
    if device == "cuda" and not torch.cuda.is_available():
        raise NotRunError("this machine has no usable CUDA device", field="device", hint="use --device cpu")
    if threads is None:
        threads = _processors()
    check_integer("threads", threads, 1, 256)
    torch.set_num_threads(threads)
    # Autotuned kernels may differ from run to run.
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return Machine(chosen, threads)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
