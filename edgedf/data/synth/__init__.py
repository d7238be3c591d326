"""The synthetic benchmark: procedural faces, true manipulations of them, one camera and compression for all.

One picture side is 160 units; a face is drawn in units around a point between nose and eyes, x to the
right and y down, in linear light, planar float32. Every random choice comes from an explicit seed.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgedf.data.synth.goldens import evaluation_crops, golden_faces

__all__ = ["evaluation_crops", "golden_faces"]


def __getattr__(name: str) -> Any:
    """Load OpenCV only when somebody renders."""
    if name in __all__:
        from edgedf.data.synth import goldens

        return getattr(goldens, name)
    raise AttributeError(f"module 'edgedf.data.synth' has no attribute {name!r}")
