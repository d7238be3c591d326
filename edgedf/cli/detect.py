"""`edgedf detect`: verdicts on pictures and videos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedf.bundle.parity_record import stands_in
from edgedf.cli.config import named_bundle
from edgedf.cli.detect_drawings import draw_into, drawings
from edgedf.cli.options import ExistingPath, bundle_option, json_option, target_option, threads_option
from edgedf.cli.output import print_json, progress_bar, say
from edgedf.cli.verdict_table import print_verdicts
from edgedf.errors import EdgedfError, UsageError
from edgedf.files import open_regular

if TYPE_CHECKING:
    from edgedf.crop import Box
    from edgedf.runtime.detector import Detector
    from edgedf.runtime.finders import Finder
    from edgedf.runtime.verdict import FrameVerdict, Verdict


@click.command()
@click.argument("photos", nargs=-1, type=ExistingPath)
@bundle_option
@target_option
@click.option("--box", "boxes", multiple=True, metavar="X,Y,W,H", help="A face, in pixels; may be repeated.")
@click.option("--whole", is_flag=True, help="The picture is a face crop already: take its centred square.")
@click.option("--yunet", type=ExistingPath, metavar="MODEL", help="Find faces with this YuNet .onnx file.")
@click.option("--draw", type=ExistingPath, metavar="OUT", help="Draw into this file, or folder for several.")
@click.option("--video", type=ExistingPath, metavar="FILE", help="Judge this video frame by frame.")
@click.option(
    "--every", type=click.IntRange(1), default=1, show_default=True, help="Take every Nth video frame."
)
@threads_option
@json_option
def command(
    photos: tuple[Path, ...],
    bundle: Path | None,
    target: str | None,
    boxes: tuple[str, ...],
    whole: bool,
    yunet: Path | None,
    draw: Path | None,
    video: Path | None,
    every: int,
    threads: int,
    as_json: bool,
) -> None:
    """Say whether the faces in pictures or a video are fake.

    Faces are found with OpenCV's frontal face cascade unless --box, --whole or --yunet says otherwise.
    The score is the calibrated probability of fake, 0..1. A video's score is the mean of its frames'.

    \b
    Examples:
      edgedf detect photo.jpg --bundle runs/first/bundle.edgedf
      edgedf detect photo.jpg --box 120,80,200,200 --draw marked.png
      edgedf detect --video clip.mp4 --every 5 --json

    \b
    Exit code: 0 every picture (or the video) got a verdict, 1 no face was found in one of them,
    2 bad input, 3 the runtime is not installed. Whether a face is fake does not change the exit code.
    """
    if not photos and video is None:
        raise UsageError("no picture named", hint="edgedf detect photo.jpg, or --video clip.mp4")
    if draw is not None and not photos:
        raise UsageError("draws into pictures, not videos", field="--draw")
    given = _parse_boxes(boxes)
    outputs = drawings(photos, draw)
    if video is not None:
        open_regular(video).close()  # a mistyped name is told before any picture is judged
    from edgedf.runtime.detector import Detector

    bundle = named_bundle(bundle, "--bundle")
    with closing(Detector.open(bundle, target, threads=threads)) as detector:
        detector.use_finder(_finder(detector, given, whole, yunet))
        if not as_json:
            say(f"{bundle}: {detector.target} on {detector.runtime}")
        pictures = [_judge_picture(detector, photo, outputs.get(photo)) for photo in photos]
        clip = None if video is None else _judge_video(detector, video, every)
        result = {"bundle": str(bundle), "target": detector.target, "runtime": detector.runtime}
    if as_json:
        print_json(result | {"pictures": pictures, "video": clip})
    else:
        print_verdicts(pictures, clip)
    sys.exit(_exit_code(pictures, clip))


def _parse_boxes(texts: Sequence[str]) -> tuple[Box, ...]:
    """The --box options. Raises UsageError unless it is four finite numbers and has sides of 1 or more."""
    from edgedf.crop import Box, crop_square

    boxes = []
    for text in texts:
        try:
            box = Box(*(float(part) for part in text.split(",")))
            crop_square(box, 1.0)
            if min(box.width, box.height) < 1:
                raise ValueError("no face is smaller than a pixel")
        except (ValueError, TypeError, EdgedfError) as error:
            problem = f"is {text[:80]!r}, expected X,Y,W,H in pixels, W and H 1 or more"
            raise UsageError(problem, field="--box", hint="e.g. --box 120,80,200,200") from error
        boxes.append(box)
    return tuple(boxes)


def _finder(detector: Detector, boxes: tuple[Box, ...], whole: bool, yunet: Path | None) -> Finder | None:
    """The finder that the options name; None is the detector's own default."""
    from edgedf.runtime.finders import GivenBoxes, WholePicture, YunetFinder

    if bool(boxes) + whole + (yunet is not None) > 1:
        raise UsageError("exclude one another", field="--box, --whole, --yunet", hint="give one of them")
    if boxes:
        return GivenBoxes(boxes)
    if whole:
        return WholePicture(detector.contract.box_scale)
    return None if yunet is None else YunetFinder(yunet)


def _judge_picture(detector: Detector, photo: Path, output: Path | None) -> dict[str, Any]:
    """The JSON of one picture; a picture that cannot be read becomes an entry, not the end of the others."""
    from edgedf.runtime.images import load_picture

    entry: dict[str, Any] = {"picture": str(photo), "verdicts": []}
    try:
        verdicts = detector.detect(photo)
        entry["verdicts"] = _verdicts_json(detector, verdicts)
        if output is not None:
            draw_into(output, load_picture(photo), verdicts)
            entry["drawn"] = str(output)
    except EdgedfError as error:
        return entry | _failure(error)
    return entry


def _failure(error: EdgedfError) -> dict[str, Any]:
    """What an entry says of an error, which is also printed at once."""
    click.echo(f"error: {error}", err=True)
    return {"error": str(error), "exit_code": error.exit_code}


def _judge_video(detector: Detector, video: Path, every: int) -> dict[str, Any]:
    """The JSON of a video; where it cannot be read on, the frames judged so far and the error."""
    from edgedf.runtime.verdict import summarise_video
    from edgedf.runtime.video import frame_count, judge_frames

    frames: list[FrameVerdict] = []
    failure: dict[str, Any] = {}
    try:
        with progress_bar("Frames", total=frame_count(video)) as bar:
            for frame in judge_frames(detector, video, every=every):
                frames.append(frame)
                bar.update(frame.index + 1)
    except EdgedfError as error:
        failure = _failure(error)
    summary = asdict(summarise_video(detector.contract, frames))
    shown = [_frame_json(detector, frame) for frame in frames]
    return {"video": str(video), "frames": shown, "summary": summary} | failure


def _frame_json(detector: Detector, frame: FrameVerdict) -> dict[str, Any]:
    verdicts = _verdicts_json(detector, frame.verdicts)
    return {"index": frame.index, "seconds": frame.seconds, "score": frame.score, "verdicts": verdicts}


def _verdicts_json(detector: Detector, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as JSON. How long a stand-in took is not its target's time, and is left out."""
    entries = [verdict.to_json() for verdict in verdicts]
    if stands_in(detector.runtime):
        for entry in entries:
            entry["milliseconds"]["run"] = None
    return entries


def _exit_code(pictures: Sequence[dict[str, Any]], clip: dict[str, Any] | None) -> int:
    """The worst error's code, else 1 where something showed no face, else 0."""
    entries = [*pictures] if clip is None else [*pictures, clip]
    errors = [entry["exit_code"] for entry in entries if "error" in entry]
    if errors:
        return int(max(errors))
    missing = any(not entry["verdicts"] for entry in pictures)
    return int(missing or (clip is not None and clip["summary"]["score"] is None))
