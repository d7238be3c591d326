"""The detector: a bundle, one of its targets and a face finder, ready to judge pictures.

>>> from edgedf import Detector                                  # doctest: +SKIP
>>> with Detector.open("mesonet.edgedf") as detector:            # doctest: +SKIP
...     verdicts = detector.detect("photo.jpg")
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from edgedf.bundle.reader import open_bundle
from edgedf.contract import Contract
from edgedf.crop import Box, Frame, crop_face, crop_frame
from edgedf.errors import BundleError, NotRunError, UsageError
from edgedf.runtime.backend import Backend, open_backend
from edgedf.runtime.finders import Finder, GivenBoxes, HaarFinder
from edgedf.runtime.frames import find_in_frame
from edgedf.runtime.images import load_picture
from edgedf.runtime.verdict import StageTimes, Verdict, judge

if TYPE_CHECKING:
    from PIL.Image import Image

    from edgedf.bundle.reader import Bundle

U8 = npt.NDArray[np.uint8]
# Which target to take when the caller does not care: the fastest first, the slow reference last.
PREFERENCE = ("native", "tflite", "executorch", "coreml")


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
        bundle: str | Path,
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
            threads: threads of the runtime, >= 1.
            finder: where faces come from; None is OpenCV's Haar cascade, loaded when first needed.

        Raises BundleError if the bundle is damaged or lacks the target, NotRunError if no runtime for it is
        installed, UsageError if `threads` is below one.
        """
        if threads < 1:
            raise UsageError(f"is {threads}, expected 1 or more", field="threads")
        opened = open_bundle(Path(bundle))
        try:
            return cls(opened, _open_backend(opened, target, threads), finder)
        except BaseException:
            opened.close()
            raise

    def detect(
        self, picture: str | Path | U8 | Image | Frame, *, boxes: Sequence[Box] | None = None
    ) -> tuple[Verdict, ...]:
        """Verdicts for the faces of one picture, in the finder's order (largest first); () if none.

        Args:
            picture: a path, an upright uint8 array (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, or a Pillow
                image, or a raw camera Frame (any pixel format, stride, rotation and mirroring); EXIF
                orientation is applied to files and Pillow images.
            boxes: the faces, in pixels of the upright picture, if they are known; None looks for them.

        Raises DataError or FileError if the picture cannot be read, CropError on a picture or box that makes
        no sense, NotRunError if a face finder is needed and OpenCV is missing, UsageError after `close`.
        """
        self._running()
        start = time.perf_counter()
        image = picture if isinstance(picture, Frame) else load_picture(picture)
        loaded = time.perf_counter()
        finder = GivenBoxes(tuple(boxes)) if boxes is not None else self._default_finder()
        faces = find_in_frame(image, finder) if isinstance(image, Frame) else finder.find(image)
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

        Raises UsageError after `close`, BundleError if the artifact fails or answers NaN.
        """
        logits = self._running().run(crops_nhwc)
        if logits.shape != (len(crops_nhwc),) or not bool(np.isfinite(logits).all()):
            raise BundleError(f"{self.runtime} gave no finite logit per crop", field=self.target)
        return logits

    def _running(self) -> Backend:
        if self._backend is None:
            raise UsageError("the detector is closed", hint="open a new one")
        return self._backend

    def use_finder(self, finder: Finder | None) -> None:
        """Find faces with `finder` from now on; None goes back to OpenCV's Haar cascade."""
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


def _open_backend(bundle: Bundle, target: str | None, threads: int) -> Backend:
    """The backend of the named target, or of the first usable one."""
    if target is not None:
        return open_backend(bundle.folder, bundle.manifest.artifact(target), threads=threads, foreign=True)
    held = {entry.target for entry in bundle.manifest.artifacts}
    reasons = []
    for candidate in PREFERENCE:
        if candidate not in held:
            continue
        try:
            entry = bundle.manifest.artifact(candidate)
            return open_backend(bundle.folder, entry, threads=threads, foreign=True)
        except NotRunError as error:
            reasons.append(f"{candidate}: {error.problem}")
    if not reasons:
        raise BundleError("holds no artifact", file=bundle.folder, hint="build it again")
    hint = "install one runtime, e.g. pip install 'edgedf[litert]'; `edgedf doctor` lists them"
    raise NotRunError(f"no target runs here ({'; '.join(reasons)})", file=bundle.folder, hint=hint)
