"""Tickets of a run: which file of a run folder is which ticket, held to what run.json says of it."""

from __future__ import annotations

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
        evaluation: sha256 by name of the run's evaluation files, None where it kept none.
    """

    path: Path
    data: bytes
    sha256: str
    run: Path | None = None
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
    return _held_to(document, run, run / TICKET_NAME)


def ticket_file(path: Path) -> TicketFile:
    """A ticket file by its path; one that lies where a run keeps its tickets is held to that run.

    Raises TrainingError if it is not what the run recorded there, FileError if it cannot be read.
    """
    for run in path.parents[:4]:
        inside = path.relative_to(run)
        if inside.parts[0] in (*_FOLDERS, TICKET_NAME) and (run / RUN_NAME).is_file():
            return _held_to(read_run(run), run, path)
    data = read_bytes(path, max_bytes=MAX_TICKET_BYTES)
    return TicketFile(path=path, data=data, sha256=sha256_bytes(data))


def _held_to(document: Mapping[str, Any], run: Path, path: Path) -> TicketFile:
    data = read_bytes(path, max_bytes=MAX_TICKET_BYTES)
    digest = sha256_bytes(data)
    recorded = {point["ticket"]: point["sha256"] for point in document["points"]}
    if document["chosen"] is not None:
        recorded[TICKET_NAME] = document["chosen"]["sha256"]
    expected = recorded.get(path.relative_to(run).as_posix())
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
        path=path, data=data, sha256=digest, run=run, evaluation=None if kept is None else kept["sha256"]
    )
