"""CNN-5: edgedf's own middle-sized network, about 0.3 million parameters."""

from __future__ import annotations

from torch import Tensor, nn

from edgedf.models.layers import Normalize, init_conv

WIDTHS = (16, 32, 64, 128, 160)


class CNN5(nn.Module):
    """Five blocks of 3x3 conv -> batch norm -> ReLU -> 2x2 max pool, then one linear layer.

    Args:
        size: input side in pixels, a multiple of 32.
        dropout: probability before the linear head.
    Input (N, 3, size, size) float32 RGB 0..255; output (N, 1) float32, fake > 0.
    """

    def __init__(self, size: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.normalize = Normalize()
        blocks: list[nn.Module] = []
        channels = 3
        for width in WIDTHS:
            blocks.append(
                nn.Sequential(
                    # Batch norm follows and brings its own shift, so a bias would be redundant.
                    nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
            )
            channels = width
        self.features = nn.Sequential(*blocks)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels * (size // 32) ** 2, 1)
        self.apply(init_conv)

    def forward(self, input: Tensor) -> Tensor:
        x = self.features(self.normalize(input))
        logit: Tensor = self.head(self.dropout(self.flatten(x)))
        return logit
