"""The engine's C structs and functions as ctypes sees them; they mirror include/edgedf/model.h."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_double, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import lru_cache
from typing import Any


class CContract(ctypes.Structure):
    """edgedf_model_contract."""

    _fields_ = (
        ("size", c_uint32),
        ("box_scale", c_double),
        ("threshold", c_double),
        ("temperature", c_double),
        ("logit_threshold", c_double),
    )


class Needs(ctypes.Structure):
    """edgedf_model_needs: sizes in bytes and counts, see the header."""

    _fields_ = (
        ("model_bytes", c_size_t),
        ("workspace_bytes", c_size_t),
        ("bytes_per_thread", c_size_t),
        ("activation_bytes", c_size_t),
        ("largest_pair_bytes", c_size_t),
        ("weights", c_uint64),
        ("nonzero", c_uint64),
        ("multiplies", c_uint64),
        ("dense_multiplies", c_uint64),
        ("work", c_uint64),
        ("steps", c_uint32),
        ("contract", CContract),
    )


class CStep(ctypes.Structure):
    """edgedf_model_step."""

    _fields_ = (
        ("layer", c_char * 64),
        ("fused", c_char * 96),
        ("kernel", c_char_p),
        ("reason", c_char_p),
        ("in_chw", c_uint32 * 3),
        ("out_chw", c_uint32 * 3),
        ("weights", c_uint64),
        ("nonzero", c_uint64),
        ("multiplies", c_uint64),
        ("table_bytes", c_size_t),
        ("read_bytes", c_size_t),
        ("write_bytes", c_size_t),
    )


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "edgedf_model_status_text": (c_char_p, [c_int]),
    "edgedf_model_variant": (c_char_p, [c_char_p]),
    "edgedf_model_measure": (c_int, [c_char_p, c_size_t, c_char_p, POINTER(Needs)]),
    "edgedf_model_workspace": (c_size_t, [POINTER(Needs), c_uint32]),
    "edgedf_model_open": (c_int, [c_char_p, c_size_t, c_char_p, c_void_p, c_size_t, POINTER(c_void_p)]),
    "edgedf_model_run": (
        c_int,
        [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_uint32, c_void_p, c_void_p],
    ),
    "edgedf_model_get_step": (c_int, [c_void_p, c_uint32, POINTER(CStep)]),
    "edgedf_model_score": (c_double, [POINTER(CContract), ctypes.c_float]),
    "edgedf_model_is_fake": (c_int, [POINTER(CContract), ctypes.c_float]),
    "edgedf_model_coder_bytes": (c_size_t, []),
    "edgedf_model_coder_begin": (c_int, [c_void_p, c_void_p, c_size_t]),
    "edgedf_model_coder_tensor": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "edgedf_pool_start": (c_void_p, [c_uint32]),
    "edgedf_pool_executor": (c_void_p, [c_void_p]),
    "edgedf_pool_stop": (None, [c_void_p]),
    "edgedf_model_coder_end": (c_int, [c_void_p, POINTER(c_size_t)]),
}


@lru_cache(maxsize=1)
def bind() -> Any:
    """The library with the engine's functions typed. Raises NotRunError if it was not built."""
    from edgedf.native.library import load_library

    library = load_library()
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
