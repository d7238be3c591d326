"""What to build from: a ticket file, a training run, or the demo ticket that the package ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedf.errors import FileError, UsageError
from edgedf.files import sha256_file
from edgedf.ticket import Ticket, read_ticket

DEMO_TICKET = Path(__file__).resolve().parent.parent / "assets" / "demo-ticket.safetensors"
RUN_TICKET = "ticket.safetensors"
BUNDLE_SUFFIX = ".edgedf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A ticket and what belongs to it.

    Attributes:
        path: the ticket file.
        ticket: its checked content.
        sha256: of the file.
        run: folder of the training run it came from, if there is one.
        demo: whether this is the ticket that the package ships.
    """

    path: Path
    ticket: Ticket
    sha256: str
    run: Path | None
    demo: bool

    @property
    def name(self) -> str:
        """The bundle's name: architecture, crop size and sparsity, such as "mesonet-128-s90"."""
        ticket = self.ticket
        return f"{ticket.arch}-{ticket.contract.size}-s{round(100 * ticket.sparsity)}"

    def default_out(self) -> Path:
        """Where the bundle goes if nobody says: into the run, else into the working folder."""
        if self.run is not None:
            return self.run / f"bundle{BUNDLE_SUFFIX}"
        stem = self.name if self.demo or self.path.name == RUN_TICKET else self.path.stem
        return Path(f"{stem}{BUNDLE_SUFFIX}")


def read_source(path: Path | None) -> Source:
    """The source at `path`: a ticket file, or a run folder and its chosen ticket; None is the demo ticket.

    Raises FileError if there is nothing, UsageError for a folder that is no run, TicketError if it is bad.
    """
    demo = path is None
    path = DEMO_TICKET if path is None else path
    run = path if path.is_dir() else None
    if run is not None:
        path = run / RUN_TICKET
        if not path.exists():
            hint = "name a ticket file, or a folder that `edgedf train` finished"
            raise UsageError(f"holds no {RUN_TICKET}", file=run, hint=hint)
    elif not path.exists() and demo:
        raise FileError(
            "the demo ticket is not installed", file=path.name, hint="name a ticket to build from"
        )
    else:
        run = _run_of(path)
    return Source(path=path, ticket=read_ticket(path), sha256=sha256_file(path), run=run, demo=demo)


def bundle_path(source: Source, out: Path | None) -> Path:
    """The bundle folder for `--out`: itself if it ends in .edgedf, else a folder that takes the bundle in."""
    if out is None:
        return source.default_out()
    return out if out.name.endswith(BUNDLE_SUFFIX) else out / source.default_out().name


def _run_of(ticket: Path) -> Path | None:
    """The run a ticket file lies in: its folder, or the one above tickets/; None if neither is a run."""
    for folder in (ticket.parent, ticket.parent.parent):
        if (folder / "run.json").is_file() and (folder == ticket.parent or ticket.parent.name == "tickets"):
            return folder
    return None
