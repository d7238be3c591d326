"""Verdicts on pictures and a video as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgedf.cli.output import print_table, say, show_line


def print_verdicts(pictures: Sequence[dict[str, Any]], clip: dict[str, Any] | None) -> None:
    """Print verdicts for a person. The arguments are the JSON entries of `edgedf detect`."""
    rows: list[tuple[object, ...]] = []
    for entry in pictures:
        if not entry["verdicts"]:
            rows.append((entry["picture"], "not read" if "error" in entry else "no face found", *[None] * 4))
        for verdict in entry["verdicts"]:
            box, times = verdict["box"], verdict["milliseconds"].values()
            place = f"{box['x']:.0f},{box['y']:.0f} {box['width']:.0f}x{box['height']:.0f}"
            numbers = (f"{verdict['score']:.4f}", f"{verdict['logit']:+.4f}", place)
            total = None if None in times else f"{sum(times):.1f}"
            rows.append((entry["picture"], verdict["label"], *numbers, total))
    if rows:
        columns = ("picture", "verdict", "score", "logit", "face", "ms")
        print_table(columns, rows, right=("score", "logit", "ms"))
    for entry in pictures:
        if "drawn" in entry:
            say(f"drawn: {entry['drawn']}")
    if clip is not None:
        _print_video(clip)


def _print_video(clip: dict[str, Any]) -> None:
    rows = []
    for frame in clip["frames"]:
        score = "no face" if frame["score"] is None else f"{frame['score']:.4f}"
        rows.append((frame["index"], f"{frame['seconds']:.2f}", len(frame["verdicts"]), score))
    if rows:
        print_table(("frame", "second", "faces", "score"), rows, right=("frame", "second", "faces", "score"))
    summary = clip["summary"]
    seen = f"a face in {summary['frames_with_face']} of {summary['frames']} frames"
    verdict = (
        "no face found" if summary["score"] is None else f"{summary['label']}, score {summary['score']:.4f}"
    )
    if "error" not in clip:
        show_line(f"{clip['video']}: {verdict}, {seen}")
    else:
        show_line(
            f"{clip['video']}: not read to its end; {verdict}, {seen}"
            if rows
            else f"{clip['video']}: not read"
        )
