"""Verdicts: what a detector says about one face, one frame and one video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgedf.contract import Contract
from edgedf.crop import Box

Label = Literal["fake", "real"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Milliseconds of wall time per stage of one picture; faces of the same picture share them.

    Attributes:
        load: reading and decoding the file, 0 for an array.
        find: looking for faces, near 0 when boxes were given.
        crop: all crops of the picture.
        run: the model on all crops of the picture.
    """

    load: float
    find: float
    crop: float
    run: float

    @property
    def total(self) -> float:
        """Sum of the stages in milliseconds."""
        return self.load + self.find + self.crop + self.run


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the detector says about one face.

    Attributes:
        box: the face in pixels of the upright picture.
        logit: the model's output; larger means more likely fake.
        score: calibrated probability of fake, 0..1.
        label: "fake" where the logit reaches the contract's threshold, else "real".
        milliseconds: wall time per stage.
    """

    box: Box
    logit: float
    score: float
    label: Label
    milliseconds: StageTimes

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; the box as x, y, width, height."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameVerdict:
    """All verdicts of one video frame.

    Attributes:
        index: number of the frame in the video, from 0.
        seconds: its time from the video's start.
        verdicts: one per face, largest face first; empty where no face was found.
    """

    index: int
    seconds: float
    verdicts: tuple[Verdict, ...]

    @property
    def score(self) -> float | None:
        """The highest score of its faces, as one fake face makes a frame fake; None without a face."""
        return max((verdict.score for verdict in self.verdicts), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoVerdict:
    """What the detector says about a video: the mean of its frame scores, over frames that show a face.

    Attributes:
        frames: number of frames looked at.
        frames_with_face: how many of them showed a face.
        score: mean frame score, 0..1, or None if no frame showed a face.
        label: "fake" where the score reaches the contract's threshold, else "real"; None like the score.
    """

    frames: int
    frames_with_face: int
    score: float | None
    label: Label | None


def judge(contract: Contract, logit: float) -> tuple[float, Label]:
    """(score, label) of one logit by the contract's temperature and threshold."""
    return contract.score(logit), "fake" if contract.is_fake(logit) else "real"


def summarise_video(contract: Contract, frames: Sequence[FrameVerdict]) -> VideoVerdict:
    """The verdict on a video from those on its frames."""
    scores = [frame.score for frame in frames if frame.score is not None]
    score = sum(scores) / len(scores) if scores else None
    label: Label | None = None
    if score is not None:
        label = "fake" if score >= contract.threshold else "real"
    return VideoVerdict(frames=len(frames), frames_with_face=len(scores), score=score, label=label)
