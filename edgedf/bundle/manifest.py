"""The manifest: what a bundle says about itself, as frozen dataclasses and one canonical JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from edgedf.bundle.parity_record import ParityRecord
from edgedf.contract import Contract
from edgedf.errors import BundleError

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
# One line as `sha256sum` writes it, so that anyone can check the manifest without edgedf.
CHECKSUM_NAME = "manifest.sha256"
GOLDEN_FOLDER = "golden"
# Target -> the precisions that edgedf writes it in; the first is the default. Builds offer no other, and a
# manifest that claims one is refused: a looser precision's tolerances are not a bundle's to choose.
OFFERED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "executorch": ("float32",),
        "coreml": ("float32", "float16"),
        "tflite": ("float32", "float16"),
        "native": ("float32", "float16", "int8"),
    }
)
TARGETS = tuple(OFFERED)
PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of the bundle: POSIX path below the bundle, sha256 (64 hex digits), size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An artifact's own input or output: name, shape with batch 1, dtype, layout ("NCHW", "NHWC", "N1")."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """What the gate allows.

    Attributes:
        max_logit_error: largest |artifact - dense| over the golden images, divided by the logit scale.
        flips: share of golden images and evaluation crops whose decision may differ, 0..1.
        auc_drop: largest |AUC(artifact) - AUC(dense)| on the evaluation crops, 0..1.
    """

    max_logit_error: float
    flips: float
    auc_drop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactEntry:
    """One artifact of a bundle.

    Attributes:
        target, precision: one of TARGETS and what OFFERED has for it.
        path: main file, or folder for an .mlpackage, below the bundle.
        files: every file of the artifact.
        input, output: the artifact's own tensors.
        tolerances: what the gate allowed.
        parity: what the gate measured when the bundle was built.
        tools: package name -> version that made it.
    """

    target: str
    precision: str
    path: str
    files: tuple[FileEntry, ...]
    input: TensorSpec
    output: TensorSpec
    tolerances: Tolerances
    parity: ParityRecord = field(default_factory=ParityRecord)
    tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole of manifest.json.

    Attributes:
        name: the bundle's name, letters, digits, '.', '_' and '-'.
        contract: what goes in and comes out.
        arch, arch_args: the ticket's network.
        ticket_sha256: hash of the ticket file the bundle was built from.
        lineage: summary of the ticket's lineage, plain JSON.
        golden: files of golden/.
        artifacts: one entry per target.
    """

    name: str
    contract: Contract
    arch: str
    arch_args: Mapping[str, Any]
    ticket_sha256: str
    lineage: Mapping[str, Any]
    golden: tuple[FileEntry, ...]
    artifacts: tuple[ArtifactEntry, ...]

    def artifact(self, target: str) -> ArtifactEntry:
        """The entry for a target. Raises BundleError if the bundle has none."""
        for entry in self.artifacts:
            if entry.target == target:
                return entry
        have = ", ".join(entry.target for entry in self.artifacts)
        raise BundleError(f"has no {target} artifact", field="artifacts", hint=f"this bundle holds {have}")

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of the bundle except the manifest and its checksum, sorted by path."""
        entries = [*self.golden, *(entry for artifact in self.artifacts for entry in artifact.files)]
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; `Manifest.from_json` inverts it."""
        return {"format_version": FORMAT_VERSION} | asdict(self) | {"contract": self.contract.to_json()}

    @staticmethod
    def from_json(value: Any, *, file: str) -> Manifest:
        """The manifest in a parsed JSON object. Raises BundleError that names the field."""
        from edgedf.bundle.manifest_reader import ManifestReader

        return ManifestReader(file).manifest(value)
