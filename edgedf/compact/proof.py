"""The proof: the compacted network and the masked dense one give the same logits on fixed pictures."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from edgedf.compact.report import Proof
from edgedf.errors import CompactError

TOLERANCE = 1e-5
_SEED = 20240229


def prove_equal(dense: nn.Module, compacted: nn.Module, size: int) -> Proof:
    """Compare two networks on `proof_pictures(size)`, in float32 on the CPU, one picture at a time.

    Raises CompactError, naming the picture, if a logit is not finite or differs by more than 1e-5 of
    the logit peak.
    """
    names, wanted, got = [], [], []
    with torch.no_grad():
        for name, crop_hwc in proof_pictures(size):
            x_nchw = _input(crop_hwc)
            names.append(name)
            wanted.append(float(dense(x_nchw)))
            got.append(float(compacted(x_nchw)))
    if not np.isfinite(wanted).all():
        bad = names[int(np.argmin(np.isfinite(wanted)))]
        raise CompactError(f"the dense network's logit on picture {bad!r} is not finite", field="proof")
    peak = max(1.0, float(np.abs(wanted).max()))
    errors = np.abs(np.array(got) - np.array(wanted))
    worst = int(np.where(np.isnan(errors), np.inf, errors).argmax())
    if not errors[worst] <= TOLERANCE * peak:
        problem = (
            f"the compacted network gives {got[worst]:.9g} on picture {names[worst]!r}, "
            f"the dense one {wanted[worst]:.9g}"
        )
        rounding = _own_rounding(dense, size, names[worst])
        hint = "this is a fault of edgedf; please report the ticket"
        if rounding > TOLERANCE * peak:
            hint = (
                f"float32 rounds the dense network's own logit by {rounding:.1g} there: train smaller weights"
            )
        raise CompactError(problem, field="proof", hint=hint)
    return Proof(max_error=float(errors[worst]), logit_peak=peak, inputs=len(names))


def _own_rounding(dense: nn.Module, size: int, picture: str) -> float:
    """How far the network's float32 logit on this picture is from its float64 one."""
    x_nchw = _input(dict(proof_pictures(size))[picture])
    with torch.no_grad():
        return abs(float(dense(x_nchw)) - float(deepcopy(dense).double()(x_nchw.double())))


def proof_pictures(size: int) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Names and pictures (size, size, 3) uint8: noise, plain colours, gradients, grids, lit borders.

    The same for ever. Borders and corners are there because zero padding is where a wrong fold shows.
    """
    yield "black", np.zeros((size, size, 3), np.uint8)
    yield "white", np.full((size, size, 3), 255, np.uint8)
    for channel, name in enumerate(("red", "green", "blue")):
        plain = np.zeros((size, size, 3), np.uint8)
        plain[..., channel] = 255
        yield name, plain
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    yield (
        "gradient",
        np.stack([np.tile(ramp, (size, 1)), np.tile(ramp[::-1, None], (1, size))] * 2, -1)[..., :3],
    )
    grid = np.indices((size, size)).sum(0) // 4 % 2 * 255
    yield "checkerboard", np.repeat(grid[..., None], 3, -1).astype(np.uint8)
    for side in ("top", "bottom", "left", "right"):
        edge = np.full((size, size, 3), 96, np.uint8)
        line = 0 if side in ("top", "left") else -1
        edge[(line,) if side in ("top", "bottom") else (slice(None), line)] = 255
        yield f"{side} edge", edge
    generator = np.random.default_rng(_SEED)
    for index in range(4):
        yield f"noise {index}", generator.integers(0, 256, (size, size, 3), np.uint8)
    blocks = generator.integers(0, 256, (8, 8, 3), np.uint8)
    yield "blocks", blocks.repeat(-(-size // 8), 0).repeat(-(-size // 8), 1)[:size, :size]


def _input(crop_hwc: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(crop_hwc.transpose(2, 0, 1))[None]).float()
