"""A bundle: its artifacts with sizes and measured parity, its contract, the ticket behind it."""

from __future__ import annotations

from pathlib import Path

from edgedf.analysis.describe.description import Cell, Description, Table
from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.integrity import read_listed
from edgedf.bundle.manifest import ArtifactEntry
from edgedf.bundle.reader import open_bundle


def describe_bundle(path: Path) -> Description:
    """The verified bundle at `path`, folder or .zip. Raises BundleError if a single byte is not as listed."""
    with open_bundle(path) as bundle:
        manifest = bundle.manifest
        facts = {
            "file": str(path),
            "name": manifest.name,
            "architecture": manifest.arch,
            "arch_args": dict(manifest.arch_args),
            "ticket_sha256": manifest.ticket_sha256,
            "contract": manifest.contract.to_json(),
            "lineage": dict(manifest.lineage),
            "golden_files": len(manifest.golden),
            "golden_size": sum(entry.size for entry in manifest.golden),
        }
        rows = tuple(_row(bundle.folder, entry) for entry in manifest.artifacts)
        files = tuple((f.path, f.size, f.sha256) for entry in manifest.artifacts for f in entry.files)
    columns = (
        "target",
        "precision",
        "path",
        "size",
        "zipped",
        "max logit error",
        "allowed",
        "own weights",
        "parity",
    )
    return Description(
        kind="bundle",
        facts=facts,
        tables=(
            Table(title="artifacts", columns=columns, rows=rows, right=("size", "zipped", *columns[5:8])),
            Table(title="files", columns=("path", "size", "sha256"), rows=files, right=("size",)),
        ),
        notes=(
            "every file has the size and sha256 that the manifest lists",
            "max logit error: against dense PyTorch; own weights: against those that the file stores",
        ),
    )


def artifact_sizes(folder: Path, entry: ArtifactEntry) -> tuple[int, int]:
    """(installed, zipped) bytes of an artifact; zipped as an app store would compress its files."""
    files = {file.path: read_listed(folder, file) for file in entry.files}
    return sum(map(len, files.values())), len(zip_bytes(files))


def _row(folder: Path, entry: ArtifactEntry) -> tuple[Cell, ...]:
    installed, zipped = artifact_sizes(folder, entry)
    parity, limit = entry.parity, entry.tolerances.max_logit_error
    error = None if parity.metrics is None else parity.metrics.max_logit_error
    own = None if parity.conversion is None else parity.conversion.measured
    return (entry.target, entry.precision, entry.path, installed, zipped, error, limit, own, parity.label)
