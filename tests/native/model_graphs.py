"""Random inference graphs with random masks, for the engine's property tests."""

from __future__ import annotations

import numpy as np

from edgedf.compact.graph import (
    INPUT,
    Add,
    Affine,
    AvgPool2d,
    Conv2d,
    Flatten,
    Graph,
    LeakyRelu,
    Linear,
    MaxPool2d,
    Node,
    Op,
    Relu,
)


class GraphBuilder:
    """Appends random nodes to a graph; `rng` decides everything."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        self.nodes: list[Node] = []
        self.shapes: dict[str, tuple[int, ...]] = {INPUT: (3, size, size)}

    def append(self, op: Op, *inputs: str) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node(name=name, op=op, inputs=inputs, source=name))
        self.shapes = dict(Graph(input_chw=(3, self.size, self.size), nodes=tuple(self.nodes)).shapes())
        return name

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def weight(self, shape: tuple[int, ...]) -> np.ndarray:
        """Normal values, each kept with a probability drawn once per tensor: all, some, few."""
        values = self.rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        density = self.rng.choice([1.0, 0.6, 0.2, 0.05])
        return (values * (self.rng.random(shape) < density)).astype(np.float32)

    def vector(self, count: int) -> np.ndarray:
        return self.rng.normal(size=count).astype(np.float32)

    def conv(self, value: str) -> str:
        channels, height, width = self.shapes[value]
        kernel = (min(self.pick(1, 2, 3, 5, 7), height), min(self.pick(1, 2, 3, 5), width))
        groups = self.pick(*[g for g in (1, 1, 2, channels) if channels % g == 0])
        weight = self.weight((groups * self.pick(1, 2, 3, 5, 9), channels // groups, *kernel))
        return self.append(
            Conv2d(
                weight_oihw=weight,
                bias_o=self.vector(len(weight)) if self.pick(0, 1) else None,
                stride=(self.pick(1, 1, 2, 3), self.pick(1, 1, 2, 3)),
                padding=(self.pick(0, 1, 2, 4), self.pick(0, 1, 2, 4)),
                groups=groups,
            ),
            value,
        )

    def pool(self, value: str) -> str:
        _, height, width = self.shapes[value]
        kernel = (min(self.pick(1, 2, 3, 4), height), min(self.pick(1, 2, 3, 4), width))
        stride = kernel if self.pick(0, 1) else (self.pick(1, 2, 3), self.pick(1, 2, 3))
        if self.pick(0, 1):
            return self.append(AvgPool2d(kernel=kernel, stride=stride), value)
        padding = (self.pick(0, kernel[0] // 2), self.pick(0, kernel[1] // 2))
        return self.append(MaxPool2d(kernel=kernel, stride=stride, padding=padding), value)

    def elementwise(self, value: str) -> str:
        channels = self.shapes[value][0]
        ops: list[Op] = [
            Relu(),
            LeakyRelu(slope=0.1),
            Affine(scale_c=self.vector(channels), shift_c=self.vector(channels)),
        ]
        return self.append(ops[self.pick(0, 1, 2)], value)

    def add(self, value: str) -> str:
        """With any earlier value of this shape; often the only one is itself."""
        twins = [name for name, shape in self.shapes.items() if shape == self.shapes[value]]
        return self.append(Add(), value, str(self.rng.choice(twins)))

    def head(self, value: str) -> None:
        flat = self.append(Flatten(), value)
        for width in (self.pick(1, 3, 17), 1):
            shape = (width, self.shapes[flat][0])
            flat = self.append(Linear(weight_oi=self.weight(shape), bias_o=self.vector(width)), flat)
            if width != 1:
                flat = self.elementwise(flat)


def random_graph(seed: int) -> Graph:
    """A graph of up to 14 nodes in which branches start and meet anywhere."""
    rng = np.random.default_rng(seed)
    builder = GraphBuilder(rng, int(rng.integers(16, 41)))
    scale = np.full(3, 1 / 64, np.float32)
    value = builder.append(Affine(scale_c=scale, shift_c=np.full(3, -2, np.float32)), INPUT)
    for _ in range(int(rng.integers(1, 10))):
        planes = [name for name, shape in builder.shapes.items() if len(shape) == 3 and name != INPUT]
        if rng.random() < 0.25:
            value = str(rng.choice(planes))
        step = rng.choice([builder.conv, builder.conv, builder.elementwise, builder.pool, builder.add])
        value = step(value)
        # Values must not grow without bound, or the comparison is about rounding alone.
        if np.prod(builder.shapes[value]) > 40_000:
            value = builder.append(MaxPool2d(kernel=(2, 2), stride=(2, 2)), value)
    builder.head(value)
    return Graph(input_chw=(3, builder.size, builder.size), nodes=tuple(builder.nodes))
