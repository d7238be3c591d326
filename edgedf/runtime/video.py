"""Videos: decoded frame by frame with PyAV, upright, never all in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.errors import DataError, EdgedfError, UsageError
from edgedf.files import open_regular
from edgedf.runtime.images import MAX_PIXELS
from edgedf.runtime.libraries import load
from edgedf.runtime.verdict import FrameVerdict

if TYPE_CHECKING:
    from edgedf.runtime.detector import Detector

U8 = npt.NDArray[np.uint8]
# Containers that hold their frames themselves. A playlist (HLS, concat) or a file pattern would make FFmpeg
# open other files of its own choice; the protocol keeps it off the network. FFmpeg's names.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,ivf,h264,hevc,gif,mjpeg",
}
_WANTED = "name a video file, such as an .mp4, or copy it again from where it came from"
_AGAIN = "copy it again from where it came from"


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame: its number and time in the video, and the upright picture (H, W, 3) uint8 RGB."""

    index: int
    seconds: float
    image_hwc: U8


def read_frames(path: Path, *, every: int = 1) -> Iterator[VideoFrame]:
    """Every `every`-th frame of a video's first video stream, turned and mirrored as its metadata says.

    Pixels that are not square are stretched until they are.

    Raises FileError if the file is missing, DataError if it holds no video, its codec is unknown here, it is
    damaged or has frames of more than `images.MAX_PIXELS` pixels, NotRunError if PyAV cannot be loaded,
    UsageError if `every` is below one.
    """
    if every < 1:
        raise UsageError(f"is {every}, expected 1 or more", field="every")
    av = _pyav(path)
    open_regular(path).close()
    count = 0
    try:
        with av.open(_url(path), options=_OPTIONS) as container:
            stream = _video_stream(container, path)
            # FFmpeg's own limit, for frames that turn out larger than the container says.
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            aspect = float(stream.sample_aspect_ratio or 1)
            for index, frame in enumerate(container.decode(stream)):
                width, height = _square_size(frame.width, frame.height, aspect)
                _check_size(path, width, height)
                count = index + 1
                if index % every == 0:
                    yield VideoFrame(index, float(frame.time or 0.0), _upright(frame, width, height))
    except EdgedfError:
        raise
    except Exception as error:
        # What was read before the damage has been handed out; the caller learns where it stopped. Beside
        # FFmpeg's errors, PyAV turns damage into built-in exceptions of many classes.
        at = f" after frame {count - 1}" if count else ""
        reason = error.strerror if isinstance(error, av.FFmpegError) else str(error)[:200]
        problem = f"is damaged or no video{at} ({reason or type(error).__name__})"
        raise DataError(problem, file=path, hint=_AGAIN if count else _WANTED) from error
    if count == 0:
        raise DataError("holds no frame", file=path, hint=_WANTED)


def frame_count(path: Path) -> int | None:
    """The number of frames the container states, or None where it does not say; for progress only."""
    av = _pyav(path)
    try:
        with av.open(_url(path), options=_OPTIONS) as container:
            return int(container.streams.video[0].frames) or None
    except (av.FFmpegError, OSError, IndexError):
        return None


def judge_frames(detector: Detector, path: Path, *, every: int = 1) -> Iterator[FrameVerdict]:
    """Verdicts frame by frame. Raises what `read_frames` and `Detector.detect` raise."""
    for frame in read_frames(path, every=every):
        verdicts = detector.detect(frame.image_hwc)
        yield FrameVerdict(index=frame.index, seconds=frame.seconds, verdicts=verdicts)


def _url(path: Path) -> str:
    """A name that FFmpeg takes as a file's, also where it looks like a protocol's: `12:30.mp4`."""
    return f"file:{path}"


def _video_stream(container: Any, path: Path) -> Any:
    """The first video stream. Raises DataError if there is none, or nothing here decodes it."""
    if not container.streams.video:
        raise DataError("holds no video stream", file=path, hint=_WANTED)
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise DataError("its video codec is unknown here", file=path, hint="convert it to H.264 first")
    _check_size(path, stream.width, stream.height)
    return stream


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        problem = f"has frames of {width} x {height}, more than {MAX_PIXELS:,} pixels"
        raise DataError(problem, file=path, hint="make it smaller first")


def _square_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    """The size in square pixels; `aspect` is a stored pixel's width by its height. No pixel is lost."""
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect) if aspect > 0 else height


def _upright(frame: Any, width: int, height: int) -> U8:
    """RGB pixels; PyAV's rotation counts degrees anticlockwise that make the frame upright."""
    image: U8 = frame.to_ndarray(format="rgb24", width=width, height=height)
    if _upside_down(frame):
        image = image[::-1]
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))


def _upside_down(frame: Any) -> bool:
    """Whether the display matrix mirrors. Its rotation is that of the x axis, so what flips first is y."""
    from av.sidedata.sidedata import Type

    data = frame.side_data
    if Type.DISPLAYMATRIX not in data:
        return False
    # Rows (a, b, u), (c, d, v), (x, y, w) of 32-bit integers: x' = a x + c y, y' = b x + d y.
    a, b, _, c, d = struct.unpack("=5i", bytes(data[Type.DISPLAYMATRIX])[:20])
    mirrored: bool = a * d < b * c
    return mirrored


def _pyav(path: Path) -> Any:
    return load("av", name="PyAV", purpose="reading videos", hint="pip install 'edgedf[video]'", file=path)
