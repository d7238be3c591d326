"""A real small bundle for tests of the Detector and the verbs: random ticket, real artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from edgedf.bundle.golden import golden_files
from edgedf.bundle.manifest import Manifest
from edgedf.bundle.writer import file_entries, write_bundle, write_zip
from edgedf.parity.golden import make_goldens
from edgedf.parity.reference import dense_logits
from edgedf.ticket import Ticket
from tests.artifact_files import SAMPLE_TICKET, artifact, sample, write_artifact

SIZE = 64


def bundle_ticket() -> Ticket:
    """The ticket behind the bundle."""
    return sample("mesonet", SIZE)[0]


def write_sample(
    path: Path,
    targets: Sequence[str] = ("native",),
    *,
    name: str = "sample",
    ticket_sha256: str = SAMPLE_TICKET,
) -> Path:
    """Write the bundle with these targets, as a folder or, where `path` ends in .zip, as a zip file."""
    manifest, files = _parts(tuple(targets), path.parent, ticket_sha256)
    manifest = replace(manifest, name=name)
    write = write_zip if path.suffix == ".zip" else write_bundle
    write(path, manifest, files)
    return path


def _parts(targets: tuple[str, ...], scratch: Path, ticket_sha256: str) -> tuple[Manifest, dict[str, bytes]]:
    ticket = bundle_ticket()
    golden = _goldens()
    made = [artifact(target, "mesonet", SIZE, ticket_sha256=ticket_sha256) for target in targets]
    entries = tuple(write_artifact(scratch / "scratch" / item.target, item) for item in made)
    manifest = Manifest(
        name="sample",
        contract=ticket.contract,
        arch=ticket.arch,
        arch_args=dict(ticket.arch_args),
        ticket_sha256=ticket_sha256,
        lineage={"seed": 1},
        golden=file_entries(golden),
        artifacts=entries,
    )
    files = dict(golden)
    for item in made:
        files |= item.files
    return manifest, files


@lru_cache(maxsize=1)
def _goldens() -> dict[str, bytes]:
    ticket = bundle_ticket()
    return golden_files(make_goldens(ticket.contract, [], dense_logits(ticket.module())))
