"""Checks of the sparse engine that several tests share."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from edgedf.native.engine import NativeModel
from edgedf.native.engine_types import bind

# The kernels that this processor runs, fastest first.
VARIANTS = [n for n in ("avx512", "avx2", "neon", "portable") if bind().edgedf_model_variant(n.encode())]


def check_threads(data: bytes, crops_nhwc: np.ndarray, threads: int) -> None:
    """A model on several threads gives the bits of one thread, call after call."""
    with closing(NativeModel(data)) as one, closing(NativeModel(data, threads=threads)) as many:
        for _ in range(3):
            assert one.run(crops_nhwc).tobytes() == many.run(crops_nhwc).tobytes()
