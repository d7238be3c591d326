"""Random small networks with random holes, as PyTorch modules: the independent side of every comparison."""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn

from edgedf.models.layers import Normalize


class Residual(nn.Module):
    """A residual block as in ResNet-18, with a 1x1 convolution on the short way where shapes change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        same = inputs == outputs and stride == 1
        self.short = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.relu(self.second(self.first(x)) + self.short(x))
        return result


def random_network(seed: int, sparsity: float) -> tuple[nn.Module, int]:
    """A network in evaluation mode and its input side; `sparsity` of its weights are zero, at random.

    Some layers lose whole filters, some batch norm scales are negative or zero.
    """
    generator = random.Random(seed)
    torch.manual_seed(seed)
    size = generator.randrange(9, 20)
    layers: list[nn.Module] = [Normalize()]
    channels = 3
    for _ in range(generator.randrange(1, 5)):
        trial = list(layers)
        width = _block(trial, channels, generator)
        if _fits(trial, size):
            layers, channels = trial, width
    features = nn.Sequential(*layers)
    with torch.no_grad():
        features.eval()
        if generator.random() < 0.5:
            features.append(nn.AdaptiveAvgPool2d(1))
        count = features(torch.zeros(1, 3, size, size)).flatten(1).shape[1]
    head: list[nn.Module] = [nn.Flatten(), nn.Dropout(0.5)]
    if generator.random() < 0.6:
        head += [nn.Linear(count, 7), nn.LeakyReLU(0.1)]
        count = 7
    network = nn.Sequential(features, *head, nn.Linear(count, 1))
    _punch(network, generator, sparsity)
    return network.eval().requires_grad_(False), size


def _fits(layers: list[nn.Module], size: int) -> bool:
    """Whether the picture is still large enough for every window."""
    try:
        with torch.no_grad():
            nn.Sequential(*layers).eval()(torch.zeros(1, 3, size, size))
    except RuntimeError:
        return False
    return True


def _block(layers: list[nn.Module], channels: int, generator: random.Random) -> int:
    width = generator.randrange(1, 9)
    if generator.random() < 0.4:
        width = channels if generator.random() < 0.5 else width
        layers.append(Residual(channels, width, generator.choice((1, 1, 2))))
    elif generator.random() < 0.15:
        width = channels
        layers.append(nn.Conv2d(channels, channels, 3, 1, 1, groups=channels))
    else:
        kernel = generator.choice((1, 2, 3, 5))
        stride, padding = generator.choice((1, 1, 2)), generator.randrange(kernel // 2 + 1)
        layers.append(
            nn.Conv2d(
                channels, width, kernel, stride, max(padding, kernel // 2 - 1), bias=generator.random() < 0.7
            )
        )
    steps: list[nn.Module] = [nn.BatchNorm2d(width), generator.choice((nn.ReLU(), nn.LeakyReLU(0.2)))]
    generator.shuffle(steps)
    layers += steps[: generator.randrange(3)]
    if generator.random() < 0.4:
        layers.append(generator.choice((nn.MaxPool2d(2, 1), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 1))))
    return width


def _punch(network: nn.Module, generator: random.Random, sparsity: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            scale = torch.rand_like(module.weight) + 0.5
            scale[torch.rand_like(scale) < 0.15] *= -1
            scale[torch.rand_like(scale) < 0.05] = 0
            module.weight.data, module.bias.data = scale, torch.randn_like(scale) * 0.5
            module.running_mean = torch.randn_like(scale) * 0.3
            module.running_var = torch.rand_like(scale) + 0.3
        elif isinstance(module, nn.Conv2d | nn.Linear):
            weight = module.weight.data
            weight *= torch.rand_like(weight) >= sparsity
            if generator.random() < 0.2:
                weight[torch.rand(weight.shape[0]) < 0.5] = 0
            if generator.random() < 0.1 and weight.shape[1] > 1:
                weight[:, torch.rand(weight.shape[1]) < 0.5] = 0


def pictures(size: int, seed: int, count: int = 6) -> Tensor:
    """(count + 3, 3, size, size) float32: noise, black, white, and a lit border."""
    noise = torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(seed))
    border = torch.full((1, 3, size, size), 30)
    border[:, :, 0], border[:, :, :, -1] = 255, 200
    plain = torch.stack([torch.zeros(3, size, size), torch.full((3, size, size), 255.0)])
    return torch.cat([noise.float(), plain, border.float()])
