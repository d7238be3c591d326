"""The detector: a bundle, one of its targets and a face finder, ready to judge pictures.

>>> from edgedf import Detector                                  # doctest: +SKIP
>>> with Detector.open("mesonet.edgedf") as detector:            # doctest: +SKIP
...     verdicts = detector.detect("photo.jpg")
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from edgedf.bundle.reader import open_bundle
from edgedf.contract import Contract
from edgedf.crop import Box, Frame, crop_face, crop_frame
from edgedf.errors import BundleError, UsageError
from edgedf.runtime.arguments import check_finder, given_boxes, path_of, thread_count
from edgedf.runtime.backend import Backend
from edgedf.runtime.choice import choose_backend
from edgedf.runtime.finders import Finder, HaarFinder, search
from edgedf.runtime.frames import find_in_frame
from edgedf.runtime.images import load_picture
from edgedf.runtime.verdict import StageTimes, Verdict, judge

if TYPE_CHECKING:
    from PIL.Image import Image

    from edgedf.bundle.reader import Bundle

U8 = npt.NDArray[np.uint8]


class Detector:
    """Judges faces with one artifact of a bundle. Not safe to share between threads; open one per thread.

    Attributes:
        contract: what goes in and comes out.
        target: the target that runs, as in the manifest.
        runtime: what really executes, such as "LiteRT 2.1.2".
    """

    def __init__(self, bundle: Bundle, backend: Backend, finder: Finder | None = None) -> None:
        """Most callers want `Detector.open`. Takes over `bundle` and `backend` and closes both."""
        self.contract: Contract = bundle.manifest.contract
        self._bundle = bundle
        self._backend: Backend | None = backend
        self._finder = finder
        self.target, self.runtime = backend.name, backend.runtime

    @classmethod
    def open(
        cls,
        bundle: str | PathLike[str],
        target: str | None = None,
        *,
        threads: int = 1,
        finder: Finder | None = None,
    ) -> Detector:
        """Verify a bundle and load one artifact.

        Args:
            bundle: folder or .zip written by `edgedf build`.
            target: "executorch", "coreml", "tflite" or "native"; None takes the first of PREFERENCE that
                the bundle holds and this machine runs.
            threads: threads of the runtime, 1..64.
            finder: where faces come from; None is OpenCV's Haar cascade, loaded when first needed.

        Raises BundleError if the bundle is damaged, lacks the target or its manifest contradicts what the
        model file says of its contract and its ticket, NotRunError if no runtime for it is
        installed or what is installed cannot be loaded, UsageError on an argument that makes no sense.
        """
        count = thread_count(threads)
        check_finder(finder)
        opened = open_bundle(path_of(bundle, "bundle"))
        try:
            return cls(opened, choose_backend(opened, target, count), finder)
        except BaseException:
            opened.close()
            raise

    def detect(
        self, picture: str | PathLike[str] | U8 | Image | Frame, *, boxes: Sequence[Box] | None = None
    ) -> tuple[Verdict, ...]:
        """Verdicts for the faces of one picture, in the finder's order (largest first); () if none.

        Args:
            picture: a path, an upright uint8 array (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, or a Pillow
                image, or a raw camera Frame (any pixel format, stride, rotation and mirroring); EXIF
                orientation is applied to files and Pillow images.
            boxes: the faces, in pixels of the upright picture, if they are known; None looks for them.

        Raises DataError or FileError if the picture cannot be read, CropError on a picture or box that makes
        no sense, NotRunError if a face finder is needed and OpenCV is missing, UsageError after `close` or if
        the finder gives anything but a tuple of boxes.
        """
        self._running()
        start = time.perf_counter()
        image = picture if isinstance(picture, Frame) else load_picture(picture)
        loaded = time.perf_counter()
        finder = given_boxes(boxes) if boxes is not None else self._default_finder()
        faces = find_in_frame(image, finder) if isinstance(image, Frame) else search(finder, image)
        found = time.perf_counter()
        if not faces:
            return ()
        crops = np.stack([self._crop(image, box) for box in faces])
        cropped = time.perf_counter()
        logits = self.logits(crops)
        ran = time.perf_counter()
        times = StageTimes(
            load=1e3 * (loaded - start),
            find=1e3 * (found - loaded),
            crop=1e3 * (cropped - found),
            run=1e3 * (ran - cropped),
        )
        return tuple(
            self._verdict(box, float(logit), times) for box, logit in zip(faces, logits, strict=True)
        )

    def logits(self, crops_nhwc: U8) -> npt.NDArray[np.float32]:
        """Logits (N,) float32 of ready crops (N, S, S, 3) uint8 RGB, S the contract's size.

        Raises UsageError after `close` or if it is no array, BundleError on crops of another shape or type,
        and if the artifact fails or answers NaN.
        """
        if not isinstance(crops_nhwc, np.ndarray):
            raise UsageError(f"is a {type(crops_nhwc).__name__}, expected a uint8 array", field="crops")
        logits = self._running().run(crops_nhwc)
        if logits.shape != (len(crops_nhwc),) or not bool(np.isfinite(logits).all()):
            raise BundleError(f"{self.runtime} gave no finite logit per crop", field=self.target)
        return logits

    def _running(self) -> Backend:
        if self._backend is None:
            raise UsageError("the detector is closed", hint="open a new one")
        return self._backend

    def use_finder(self, finder: Finder | None) -> None:
        """Find faces with `finder` from now on; None goes back to OpenCV's Haar cascade.

        Raises UsageError if it has no method `find`.
        """
        check_finder(finder)
        self._finder = finder

    def close(self) -> None:
        """Free the model and what was unpacked of a .zip. Calling it twice is safe."""
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()
        self._bundle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _default_finder(self) -> Finder:
        if self._finder is None:
            self._finder = HaarFinder()
        return self._finder

    def _crop(self, image: U8 | Frame, box: Box) -> U8:
        size, box_scale = self.contract.size, self.contract.box_scale
        if isinstance(image, Frame):
            return crop_frame(image, box, size=size, box_scale=box_scale)
        return crop_face(image, box, size=size, box_scale=box_scale)

    def _verdict(self, box: Box, logit: float, times: StageTimes) -> Verdict:
        score, label = judge(self.contract, logit)
        return Verdict(box=box, logit=logit, score=score, label=label, milliseconds=times)
