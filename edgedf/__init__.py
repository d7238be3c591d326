"""edgedf: deepfake detectors for phones, from a lottery ticket to a proven mobile artifact.

>>> from edgedf import Detector                      # doctest: +SKIP
>>> detector = Detector.open("mesonet.edgedf")       # doctest: +SKIP
>>> detector.detect("photo.jpg")                     # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Detector", "__version__"]

if TYPE_CHECKING:
    from edgedf.runtime.detector import Detector


def __getattr__(name: str) -> Any:
    """Load `Detector` on first use, so that `import edgedf` stays cheap."""
    if name == "Detector":
        from edgedf.runtime.detector import Detector

        return Detector
    raise AttributeError(f"module 'edgedf' has no attribute {name!r}")
