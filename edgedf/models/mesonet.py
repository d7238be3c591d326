"""Meso4, the small network of MesoNet (Afchar et al. 2018, section III-B, figure 3)."""

from __future__ import annotations

from torch import Tensor, nn

from edgedf.models.layers import Normalize

# (output channels, kernel side, pooling side) of each block, in order.
BLOCKS = ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4))


class MesoNet(nn.Module):
    """Four blocks of conv -> ReLU -> batch norm -> max pool, then 16 hidden units and one logit.

    Args:
        size: input side in pixels, a multiple of 32 (128 and 256 are the published settings).
        dropout: probability before both linear layers; the paper uses 0.5, short runs want about 0.1.
    Input (N, 3, size, size) float32 RGB 0..255; output (N, 1) float32, fake > 0.
    """

    def __init__(self, size: int = 256, dropout: float = 0.5) -> None:
        super().__init__()
        self.normalize = Normalize()
        blocks: list[nn.Module] = []
        channels = 3
        for width, kernel, pool in BLOCKS:
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, kernel, padding=kernel // 2),
                    nn.ReLU(),
                    nn.BatchNorm2d(width),
                    nn.MaxPool2d(pool),
                )
            )
            channels = width
        self.features = nn.Sequential(*blocks)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(channels * (size // 32) ** 2, 16)
        self.activation = nn.LeakyReLU(0.1)
        self.head_dropout = nn.Dropout(dropout)
        self.head = nn.Linear(16, 1)
        # PyTorch's own initial weights stay: He-normal ones are 2.4 times larger, and Adam, whose steps do
        # not grow with the weights, then learns more slowly in short runs.

    def forward(self, input: Tensor) -> Tensor:
        x = self.flatten(self.features(self.normalize(input)))
        x = self.activation(self.hidden(self.dropout(x)))
        logit: Tensor = self.head(self.head_dropout(x))
        return logit
