"""The logits everything is measured against: the ticket's dense masked network in PyTorch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import nn

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
# Crops per forward pass: ResNet-18's activations of 16 crops take about 200 MB in double precision.
_BATCH = 16


def dense_logits(module: nn.Module) -> Callable[[U8], F32]:
    """The reference: `module` in double precision, its logits rounded to float32 once, at the end.

    Double precision makes the expected logits the same bytes on every processor: float32 sums differ in
    their last bits with the order in which a processor's vector units add.

    Returns a function from crops (N, S, S, 3) uint8 to logits (N,) float32. `module` itself is not changed.
    """
    import copy

    import torch

    reference = copy.deepcopy(module).double()
    return lambda crops: _forward(reference, crops, torch.float64)


def module_logits(module: nn.Module) -> Callable[[U8], F32]:
    """`module` as it is, in float32: crops (N, S, S, 3) uint8 to logits (N,) float32."""
    import torch

    return lambda crops: _forward(module, crops, torch.float32)


def wrong_inputs(module: nn.Module) -> Callable[[U8], dict[str, F32]]:
    """What `module` answers to wrongly prepared crops (N, S, S, 3): cause -> logits (N,)."""
    import torch

    def answer(crops: U8) -> dict[str, F32]:
        x_nchw = torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            return {
                "its input is normalised twice": module((x_nchw - 128) / 64).reshape(-1).numpy(),
                "its input is scaled to 0..1 first": module(x_nchw / 255).reshape(-1).numpy(),
                "its input is scaled to -1..1 first": module(x_nchw / 127.5 - 1).reshape(-1).numpy(),
            }

    return answer


def _forward(module: nn.Module, crops_nhwc: U8, dtype: torch.dtype) -> F32:
    import torch

    parts = []
    with torch.inference_mode(), _deterministic():
        for start in range(0, len(crops_nhwc), _BATCH):
            chunk = np.array(crops_nhwc[start : start + _BATCH])  # a copy: crops may be read-only
            x_nchw = torch.from_numpy(chunk).permute(0, 3, 1, 2).to(dtype).contiguous()
            parts.append(module(x_nchw).reshape(-1).to(torch.float32).numpy())
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic algorithms inside the block; the caller's setting comes back after it."""
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
