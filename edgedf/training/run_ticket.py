"""Tickets of a run: which file of a run folder is which ticket, held to what run.json says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.errors import TrainingError, UsageError
from edgedf.files import read_bytes, sha256_bytes
from edgedf.ticket import MAX_TICKET_BYTES
from edgedf.training.run_file import RUN_NAME, read_run

TICKET_NAME = "ticket.safetensors"
_FOLDERS = ("tickets", "controls", "seeds")
_HINT = "name a ticket file, or a folder that `edgedf train` finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """A ticket file, read once.

    Attributes:
        path: the file.
        data: its bytes.
        sha256: of these bytes.
        run: folder of the run it belongs to, or None.
        inside: where it lies in that run, as run.json writes it; "" without a run.
        chosen: whether it is the ticket that this run chose.
        evaluation: sha256 by name of the run's evaluation files, None where it kept none.
    """

    path: Path
    data: bytes
    sha256: str
    run: Path | None = None
    inside: str = ""
    chosen: bool = False
    evaluation: Mapping[str, str] | None = None


def chosen_ticket(run: Path) -> TicketFile:
    """The ticket that a run chose.

    Raises UsageError if `run` is no run or has chosen nothing yet, TrainingError if run.json is damaged or
    the ticket is another than the one it chose, FileError if something cannot be read.
    """
    if not (run / RUN_NAME).is_file():
        raise UsageError(f"is no run: it holds no {RUN_NAME}", file=run, hint=_HINT)
    document = read_run(run)
    if document["chosen"] is None:
        hint = "run the same `edgedf train` again to finish it, or name one of its tickets"
        raise UsageError("has not chosen a ticket yet: the run is not complete", file=run, hint=hint)
    return _held_to(document, run, run / TICKET_NAME, TICKET_NAME)


def ticket_file(path: Path) -> TicketFile:
    """A ticket file by its path; one that lies where a run keeps its tickets is held to that run.

    Raises TrainingError if it is not what the run recorded there, FileError if it cannot be read.
    """
    if (place := _place(path)) is not None:
        run, inside = place
        return _held_to(read_run(run), run, path, inside)
    data = read_bytes(path, max_bytes=MAX_TICKET_BYTES)
    return TicketFile(path=path, data=data, sha256=sha256_bytes(data))


def _place(path: Path) -> tuple[Path, str] | None:
    """The run that `path` lies in and where in it, None where no run keeps tickets there.

    However the file is named: from inside the run, through `..` or through a link to a folder. As it is
    written comes first, because a run's own folder of tickets may be a link to another disk.
    """
    followed = Path(os.path.realpath(path.parent)) / path.name
    for whole in (path.absolute(), followed):
        for level, run in enumerate(whole.parents[:4]):
            inside = whole.relative_to(run)
            kept = inside.parts[0] in (*_FOLDERS, TICKET_NAME) and ".." not in inside.parts
            if kept and (run / RUN_NAME).is_file():
                return _short(path, run, level), inside.as_posix()
    return None


def _short(path: Path, run: Path, level: int) -> Path:
    """`run` as the user would name it: by the words of `path` where they lead there, else from here."""
    if level < len(path.parents) and path.parents[level].absolute() == run:
        return path.parents[level]
    return min(Path(os.path.relpath(run)), run, key=lambda name: len(str(name)))


def _held_to(document: Mapping[str, Any], run: Path, path: Path, inside: str) -> TicketFile:
    data = read_bytes(path, max_bytes=MAX_TICKET_BYTES)
    digest = sha256_bytes(data)
    recorded = {point["ticket"]: point["sha256"] for point in document["points"]}
    if document["chosen"] is not None:
        recorded[TICKET_NAME] = document["chosen"]["sha256"]
    expected = recorded.get(inside)
    if expected is None:
        # A file that somebody put there: a ticket by its own right, and none of this run.
        return TicketFile(path=path, data=data, sha256=digest)
    if digest != expected:
        raise TrainingError(
            f"is not the ticket that {RUN_NAME} records here: its sha256 differs",
            file=path,
            hint="copy the run again, or run the same `edgedf train` again",
        )
    kept = document["evaluation"]
    return TicketFile(
        path=path,
        data=data,
        sha256=digest,
        run=run,
        inside=inside,
        chosen=document["chosen"] is not None and digest == document["chosen"]["sha256"],
        evaluation=None if kept is None else kept["sha256"],
    )
