"""Logits of a network over a set of crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.training.augment import to_nchw

if TYPE_CHECKING:
    from torch import nn

_BATCH = 128


def predict(model: nn.Module, crops_nhwc: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Logits (N,) float32 of uint8 crops (N, S, S, 3); the model's training mode is left as it was."""
    import torch

    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    parts: list[npt.NDArray[Any]] = []
    with torch.inference_mode():
        for start in range(0, len(crops_nhwc), _BATCH):
            x = to_nchw(crops_nhwc[start : start + _BATCH]).to(device)
            parts.append(model(x).squeeze(1).float().cpu().numpy())
    model.train(was_training)
    return np.concatenate(parts)
