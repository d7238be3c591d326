"""The manifest: what a bundle says about itself, as frozen dataclasses and one canonical JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from edgedf.contract import Contract
from edgedf.errors import BundleError, ContractError

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
TARGETS = ("executorch", "coreml", "tflite", "native")
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
        target, precision: one of TARGETS and of PRECISIONS.
        path: main file, or folder for an .mlpackage, below the bundle.
        files: every file of the artifact.
        input, output: the artifact's own tensors.
        tolerances: what the gate allowed.
        parity: what the gate measured, as plain JSON; "not_run" where something could not run.
        tools: package name -> version that made it.
    """

    target: str
    precision: str
    path: str
    files: tuple[FileEntry, ...]
    input: TensorSpec
    output: TensorSpec
    tolerances: Tolerances
    parity: Mapping[str, Any] = field(default_factory=dict)
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

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; `Manifest.from_json` inverts it."""
        return {"format_version": FORMAT_VERSION} | asdict(self) | {"contract": self.contract.to_json()}

    @staticmethod
    def from_json(value: Any, *, file: str) -> Manifest:
        """The manifest in a parsed JSON object. Raises BundleError that names the field."""
        return _Reader(file).manifest(value)


class _Reader:
    """Strict conversion of parsed JSON; `self.file` goes into every message."""

    def __init__(self, file: str) -> None:
        self.file = file

    def bad(self, field: str, problem: str) -> BundleError:
        return BundleError(problem, file=self.file, field=field, hint="build the bundle again")

    def record(self, value: Any, names: str, at: str) -> dict[str, Any]:
        """`value` as a dict with exactly these keys (one space-separated string)."""
        if not isinstance(value, dict):
            raise self.bad(at, "is not a JSON object")
        if odd := sorted(set(names.split()) ^ set(value)):
            raise self.bad(f"{at}.{odd[0][:60]}", "unknown field" if odd[0] in value else "missing field")
        return value

    def text(self, value: Any, at: str, allowed: tuple[str, ...] = ()) -> str:
        if not isinstance(value, str) or len(value) > 500 or (allowed and value not in allowed):
            raise self.bad(
                at, f"is {str(value)[:60]!r}, expected " + (" or ".join(allowed) or "a short text")
            )
        return value

    def sequence(self, value: Any, at: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > 10_000:
            raise self.bad(at, "is not a list of at most 10,000 entries")
        return value

    def table(self, value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.bad(at, "is not a JSON object")
        return value

    def number(self, value: Any, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
            raise self.bad(at, f"is {str(value)[:40]!r}, expected a number >= 0")
        return float(value)

    def sha256(self, value: Any, at: str) -> str:
        text = self.text(value, at)
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            raise self.bad(at, "is not a sha256 (64 lower-case hex digits)")
        return text

    def path(self, value: Any, at: str) -> str:
        """A relative POSIX path that stays below the bundle."""
        text = self.text(value, at)
        path = PurePosixPath(text)
        if not text or path.is_absolute() or "\\" in text or ":" in text or "\0" in text or str(path) != text:
            raise self.bad(at, f"{text[:80]!r} is not a plain relative path")
        if ".." in path.parts:
            raise self.bad(at, f"{text[:80]!r} leaves the bundle")
        return text

    def file_entry(self, value: Any, at: str) -> FileEntry:
        record = self.record(value, "path sha256 size", at)
        size = record["size"]
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 40:
            raise self.bad(f"{at}.size", "is not a file size")
        path = self.path(record["path"], f"{at}.path")
        return FileEntry(path=path, sha256=self.sha256(record["sha256"], f"{at}.sha256"), size=size)

    def files(self, value: Any, at: str) -> tuple[FileEntry, ...]:
        entries = self.sequence(value, at)
        return tuple(self.file_entry(entry, f"{at}[{index}]") for index, entry in enumerate(entries))

    def tensor(self, value: Any, at: str) -> TensorSpec:
        record = self.record(value, "name shape dtype layout", at)
        shape = self.sequence(record["shape"], f"{at}.shape")
        for side in shape:
            if isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= 65536:
                raise self.bad(f"{at}.shape", "holds something that is not a side length")
        return TensorSpec(
            name=self.text(record["name"], f"{at}.name"),
            shape=tuple(shape),
            dtype=self.text(record["dtype"], f"{at}.dtype", ("float32", "float16", "uint8", "int8")),
            layout=self.text(record["layout"], f"{at}.layout", ("NCHW", "NHWC", "N1")),
        )

    def artifact(self, value: Any, at: str) -> ArtifactEntry:
        names = "target precision path files input output tolerances parity tools"
        record = self.record(value, names, at)
        limits = self.record(record["tolerances"], "max_logit_error flips auc_drop", f"{at}.tolerances")
        tools = self.table(record["tools"], f"{at}.tools")
        return ArtifactEntry(
            target=self.text(record["target"], f"{at}.target", TARGETS),
            precision=self.text(record["precision"], f"{at}.precision", PRECISIONS),
            path=self.path(record["path"], f"{at}.path"),
            files=self.files(record["files"], f"{at}.files"),
            input=self.tensor(record["input"], f"{at}.input"),
            output=self.tensor(record["output"], f"{at}.output"),
            tolerances=Tolerances(**{k: self.number(v, f"{at}.tolerances.{k}") for k, v in limits.items()}),
            parity=self.table(record["parity"], f"{at}.parity"),
            tools={k: self.text(v, f"{at}.tools.{k[:60]}") for k, v in tools.items()},
        )

    def manifest(self, value: Any) -> Manifest:
        version = value.get("format_version") if isinstance(value, dict) else None
        if isinstance(version, bool) or version != FORMAT_VERSION:
            problem = f"format version {str(version)[:40]}, this edgedf reads version {FORMAT_VERSION}"
            raise BundleError(
                problem, file=self.file, field="format_version", hint="use the edgedf that wrote it"
            )
        names = "format_version name contract arch arch_args ticket_sha256 lineage golden artifacts"
        record = self.record(value, names, "manifest")
        try:
            contract = Contract.from_json(record["contract"])
        except ContractError as error:
            raise self.bad(error.field or "contract", error.problem) from error
        name = self.text(record["name"], "name")
        if not name or set(name) - set(_NAME_CHARACTERS):
            raise self.bad("name", "holds characters beyond letters, digits, '.', '_' and '-'")
        artifacts = tuple(
            self.artifact(entry, f"artifacts[{index}]")
            for index, entry in enumerate(self.sequence(record["artifacts"], "artifacts"))
        )
        manifest = Manifest(
            name=name,
            contract=contract,
            arch=self.text(record["arch"], "arch"),
            arch_args=self.table(record["arch_args"], "arch_args"),
            ticket_sha256=self.sha256(record["ticket_sha256"], "ticket_sha256"),
            lineage=self.table(record["lineage"], "lineage"),
            golden=self.files(record["golden"], "golden"),
            artifacts=artifacts,
        )
        self.no_duplicates(manifest)
        return manifest

    def no_duplicates(self, manifest: Manifest) -> None:
        """Each target once, each path once, every artifact's main path among its files."""
        targets = [entry.target for entry in manifest.artifacts]
        if len(set(targets)) != len(targets):
            raise self.bad("artifacts", "lists a target twice")
        paths = [f.path for f in manifest.golden] + [f.path for a in manifest.artifacts for f in a.files]
        if len(set(paths)) != len(paths):
            raise self.bad("files", "lists a path twice")
        for entry in manifest.artifacts:
            inside = f"{entry.path}/"
            if not any(f.path == entry.path or f.path.startswith(inside) for f in entry.files):
                raise self.bad(f"artifacts.{entry.target}.path", "is not among the artifact's files")


_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
