"""Layers that the three architectures share."""

from __future__ import annotations

from torch import Tensor, nn


class Normalize(nn.Module):
    """RGB bytes as floats 0..255 to about -2..2: (x - 128) / 64.

    Both constants are powers of two, so the result is exact in float32 and the same in every runtime.
    Shape (N, 3, H, W) float32 in and out. It lives inside the graph, so an app feeds plain pixel values.
    """

    MEAN = 128.0
    STD = 64.0

    def forward(self, x_nchw: Tensor) -> Tensor:
        return (x_nchw - self.MEAN) * (1.0 / self.STD)


def init_conv(module: nn.Module) -> None:
    """He-normal convolution and linear weights (He et al. 2015, section 2.2), zero biases."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
