"""What to build from: a ticket file, a training run, or the demo ticket that the package ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgedf.bundle.paths import RUN_BUNDLE
from edgedf.errors import FileError
from edgedf.ticket import Ticket, parse_ticket
from edgedf.training.run_ticket import TICKET_NAME, chosen_ticket, ticket_file

DEMO_TICKET = Path(__file__).resolve().parent.parent / "assets" / "demo-ticket.safetensors"
BUNDLE_SUFFIX = ".edgedf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A ticket and what belongs to it.

    Attributes:
        path: the ticket file.
        ticket: its checked content.
        sha256: of the file.
        run: folder of the training run it came from, if there is one.
        inside: where it lies in that run, "" without one.
        chosen: whether it is the ticket that this run chose.
        evaluation: sha256 by name of the run's evaluation files, None where it kept none.
        demo: whether this is the ticket that the package ships.
    """

    path: Path
    ticket: Ticket
    sha256: str
    run: Path | None
    inside: str
    chosen: bool
    evaluation: Mapping[str, str] | None
    demo: bool

    @property
    def name(self) -> str:
        """The bundle's name: architecture, crop size and sparsity, such as "mesonet-128-s90"."""
        ticket = self.ticket
        return f"{ticket.arch}-{ticket.contract.size}-s{round(100 * ticket.sparsity)}"

    def default_out(self) -> Path:
        """Where the bundle goes if nobody says: into the run, else into the working folder.

        A run's bundle.edgedf is that of its chosen ticket; others have their ticket's name: random-02.edgedf,
        or round-02-seed-1.edgedf where it is that of another seed than the run's first.
        """
        if self.run is None:
            stem = self.name if self.demo or self.path.name == TICKET_NAME else self.path.stem
            return Path(f"{stem}{BUNDLE_SUFFIX}")
        if self.chosen:
            return self.run / RUN_BUNDLE
        inside = PurePosixPath(self.inside)
        seed = f"-seed-{inside.parts[1]}" if inside.parts[0] == "seeds" else ""
        return self.run / f"{inside.stem}{seed}{BUNDLE_SUFFIX}"


def read_source(path: Path | None) -> Source:
    """The source at `path`: a ticket file, or a run folder and its chosen ticket; None is the demo ticket.

    Raises FileError if there is nothing, UsageError for a folder that is no run, TrainingError if a run's
    ticket is not the one that its run.json records, TicketError if the ticket is bad.
    """
    demo = path is None
    path = DEMO_TICKET if path is None else path
    if demo and not path.exists():
        raise FileError(
            "the demo ticket is not installed", file=path.name, hint="name a ticket to build from"
        )
    found = chosen_ticket(path) if path.is_dir() else ticket_file(path)
    return Source(
        path=found.path,
        ticket=parse_ticket(found.data, file=str(found.path)),
        sha256=found.sha256,
        run=found.run,
        inside=found.inside,
        chosen=found.chosen,
        evaluation=found.evaluation,
        demo=demo,
    )


def bundle_path(source: Source, out: Path | None) -> Path:
    """The bundle folder for `--out`: itself if it ends in .edgedf, else a folder that takes the bundle in."""
    if out is None:
        return source.default_out()
    return out if out.name.endswith(BUNDLE_SUFFIX) else out / source.default_out().name
