"""Logits of a network over a set of crops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.training.augment import to_nchw

if TYPE_CHECKING:
    from torch import nn

# Pixels and crops per forward pass: memory, and the time until a stop is noticed, stay small at any size.
_PIXELS, _BATCH = 128 * 128 * 128, 128


def predict(
    model: nn.Module, crops_nhwc: npt.NDArray[np.uint8], *, check: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float32]:
    """Logits (N,) float32 of uint8 crops (N, S, S, 3); the model's training mode is left as it was.

    `check` is called before each forward pass and may raise to end the work.
    """
    import torch

    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    batch = min(_BATCH, max(1, _PIXELS // crops_nhwc.shape[1] ** 2))
    parts: list[npt.NDArray[Any]] = []
    try:
        with torch.inference_mode():
            for start in range(0, len(crops_nhwc), batch):
                check()
                x = to_nchw(crops_nhwc[start : start + batch]).to(device)
                parts.append(model(x).squeeze(1).float().cpu().numpy())
    finally:
        model.train(was_training)
    return np.concatenate(parts)
