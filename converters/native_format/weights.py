"""Weights and vectors as the native file stores them: float32, float16, or int8 with a scale per channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgedf.compact.graph import F32
from edgedf.errors import ConvertError

U8 = npt.NDArray[np.uint8]

NONE, F32_FORM, F16_FORM, INT8_FORM = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """One layer's weights, ready to write.

    Attributes:
        form: F32_FORM, F16_FORM or INT8_FORM.
        present: (N,) uint8, 1 where a weight is stored, output channel slowest.
        high: (N,) uint8, the top byte of each stored weight, 0 elsewhere.
        low: the other bytes of the stored weights in order, little-endian.
        scale_form, scales: int8 only: how the scales are stored, and their bytes.
    """

    form: int
    present: U8
    high: U8
    low: bytes
    scale_form: int = NONE
    scales: bytes = b""

    @property
    def nonzero(self) -> int:
        """How many weights are stored."""
        return int(self.present.sum())


def store_weights(weight: F32, precision: str, name: str) -> StoredWeights:
    """The stored form of a weight tensor, (O, ...) float32, in one of the three precisions.

    Zero stays zero; a weight that rounds to zero is dropped like one. Raises ConvertError that names the
    layer if a weight is not finite or beyond float16.
    """
    flat = np.ascontiguousarray(weight, np.float32).reshape(weight.shape[0], -1)
    if not np.isfinite(flat).all():
        raise ConvertError("holds a weight that is not finite", field=name)
    if precision == "int8":
        return _store_int8(flat)
    if precision == "float16":
        words = np.ascontiguousarray(to_half(flat, name)).reshape(-1)
        return _store_words(words.view(np.uint16), F16_FORM)
    return _store_words(flat.reshape(-1).view(np.uint32), F32_FORM)


def to_half(values: F32, name: str) -> npt.NDArray[np.float16]:
    """float16, rounded to nearest. Raises ConvertError if a value is too large for it."""
    if np.abs(values).max(initial=0.0) >= 65520.0:
        raise ConvertError("holds a weight beyond float16's range", field=name, hint="use precision float32")
    return values.astype(np.float16)


def store_vector(values: F32, precision: str) -> tuple[int, bytes]:
    """(form, bytes) of a bias, scale or shift: half precision unless float32 is asked for or needed.

    Half keeps a relative 2^-11; where a value would leave its normal range the vector stays float32.
    """
    size = np.abs(values[values != 0])
    if precision == "float32" or (size.size and (size.max() >= 65504.0 or size.min() < 2.0**-14)):
        return F32_FORM, values.astype("<f4").tobytes()
    return F16_FORM, values.astype("<f2").tobytes()


def _store_words(words: npt.NDArray[np.uint16] | npt.NDArray[np.uint32], form: int) -> StoredWeights:
    """Floats as their bit patterns: both zeros (+0 and -0) are absent, top byte apart from the others."""
    width = words.dtype.itemsize
    sign = 1 << (8 * width - 1)
    present = (words & words.dtype.type(sign - 1)) != 0
    planes = words.astype(words.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, width)
    return StoredWeights(
        form=form,
        present=present.astype(np.uint8),
        high=np.where(present, planes[:, -1], 0).astype(np.uint8),
        low=planes[present, :-1].tobytes(),
    )


def _store_int8(flat: F32) -> StoredWeights:
    """Sign and magnitude 1..127, in units of the channel's largest weight / 127."""
    largest = np.abs(flat).max(axis=1, initial=0.0)
    scales = np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32)
    scale_form, scale_bytes = store_vector(scales, "int8")
    kept = read_vector(scale_form, scale_bytes)
    magnitude = np.minimum(np.rint(np.abs(flat) / kept[:, None]), 127).astype(np.uint8).reshape(-1)
    sign = np.where(flat.reshape(-1) < 0, 128, 0).astype(np.uint8)
    present = (magnitude > 0).astype(np.uint8)
    return StoredWeights(
        form=INT8_FORM,
        present=present,
        high=((magnitude | sign) * present).astype(np.uint8),
        low=b"",
        scale_form=scale_form,
        scales=scale_bytes,
    )


def read_vector(form: int, data: bytes) -> F32:
    """A vector as float32 from what `store_vector` gave."""
    return np.frombuffer(data, "<f4" if form == F32_FORM else "<f2").astype(np.float32)
