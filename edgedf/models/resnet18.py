"""ResNet-18 (He et al. 2016, table 1): torchvision's, with one logit and normalisation inside."""

from __future__ import annotations

from torch import Tensor, nn

from edgedf.models.layers import Normalize


class ResNet18(nn.Module):
    """torchvision's ResNet-18 without pretrained weights.

    Args:
        size: input side in pixels, a multiple of 32; only recorded, the network pools globally.
    Input (N, 3, size, size) float32 RGB 0..255; output (N, 1) float32, fake > 0.
    """

    def __init__(self, size: int = 224) -> None:
        super().__init__()
        from torchvision.models import resnet18

        self.size = size
        self.normalize = Normalize()
        self.backbone = resnet18(weights=None, num_classes=1)

    def forward(self, input: Tensor) -> Tensor:
        logit: Tensor = self.backbone(self.normalize(input))
        return logit
