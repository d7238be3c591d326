"""Strict reading of manifest.json: unknown, missing or odd fields are errors that name the field."""

from __future__ import annotations

from typing import Any

from edgedf.bundle.fields import FieldReader
from edgedf.bundle.manifest import (
    CHECKSUM_NAME,
    FORMAT_VERSION,
    GOLDEN_FOLDER,
    MANIFEST_NAME,
    OFFERED,
    TARGETS,
    ArtifactEntry,
    FileEntry,
    Manifest,
    TensorSpec,
    Tolerances,
)
from edgedf.bundle.parity_record import read_parity
from edgedf.bundle.paths import clash, path_problem
from edgedf.bundle.tolerances import TOLERANCES
from edgedf.contract import Contract
from edgedf.errors import BundleError, ContractError

# A phone ships a few megabytes; the cap keeps a hostile manifest from asking for a full disk.
MAX_BUNDLE_BYTES = 1 << 30
# Golden pictures are read into memory all at once.
MAX_GOLDEN_BYTES = 1 << 28
_TOLERANCES = "max_logit_error flips auc_drop"
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class ManifestReader(FieldReader):
    """The manifest's own rules, on top of a field's."""

    def file_entry(self, value: Any, at: str) -> FileEntry:
        record = self.record(value, "path sha256 size", at)
        return FileEntry(
            path=self.path(record["path"], f"{at}.path"),
            sha256=self.sha256(record["sha256"], f"{at}.sha256"),
            size=self.integer(record["size"], f"{at}.size", 0, MAX_BUNDLE_BYTES),
        )

    def files(self, value: Any, at: str) -> tuple[FileEntry, ...]:
        entries = self.sequence(value, at)
        return tuple(self.file_entry(entry, f"{at}[{index}]") for index, entry in enumerate(entries))

    def tensor(self, value: Any, at: str) -> TensorSpec:
        record = self.record(value, "name shape dtype layout", at)
        shape = self.sequence(record["shape"], f"{at}.shape")
        if not 1 <= len(shape) <= 4:
            raise self.bad(f"{at}.shape", "is not 1..4 sides")
        return TensorSpec(
            name=self.text(record["name"], f"{at}.name"),
            shape=tuple(self.integer(side, f"{at}.shape", 1, 65536) for side in shape),
            dtype=self.one_of(record["dtype"], ("float32", "float16", "uint8", "int8"), f"{at}.dtype"),
            layout=self.one_of(record["layout"], ("NCHW", "NHWC", "N1"), f"{at}.layout"),
        )

    def limits(self, value: Any, precision: str, at: str) -> dict[str, float]:
        """The tolerances: a bundle may ask more of itself than edgedf does, never less."""
        found = {}
        for name, number in self.record(value, _TOLERANCES, at).items():
            # All three are shares: an error over the logit scale, flips, a change of AUC.
            found[name] = self.number(number, f"{at}.{name}", 0, 1)
            most = getattr(TOLERANCES[precision], name)
            if found[name] > most:
                problem = f"is {found[name]:g}, looser than the {most:g} that {precision} is allowed"
                raise self.bad(f"{at}.{name}", problem)
        return found

    def artifact(self, value: Any, at: str) -> ArtifactEntry:
        names = "target precision path files input output tolerances parity tools"
        record = self.record(value, names, at)
        target = self.one_of(record["target"], TARGETS, f"{at}.target")
        precision = self.one_of(record["precision"], OFFERED[target], f"{at}.precision")
        limits = self.limits(record["tolerances"], precision, f"{at}.tolerances")
        tools = self.plain(record["tools"], f"{at}.tools")
        return ArtifactEntry(
            target=target,
            precision=precision,
            path=self.path(record["path"], f"{at}.path"),
            files=self.files(record["files"], f"{at}.files"),
            input=self.tensor(record["input"], f"{at}.input"),
            output=self.tensor(record["output"], f"{at}.output"),
            tolerances=Tolerances(**limits),
            parity=read_parity(self, record["parity"], f"{at}.parity", limits=limits),
            tools={k: self.text(v, f"{at}.tools.{k[:60]}") for k, v in tools.items()},
        )

    def manifest(self, value: Any) -> Manifest:
        version = value.get("format_version") if isinstance(value, dict) else None
        if type(version) is not int or version != FORMAT_VERSION:
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
        if not name or set(name) - _NAME_CHARACTERS or path_problem(name):
            raise self.bad("name", "is not a plain name of letters, digits, '.', '_' and '-'")
        artifacts = tuple(
            self.artifact(entry, f"artifacts[{index}]")
            for index, entry in enumerate(self.sequence(record["artifacts"], "artifacts"))
        )
        manifest = Manifest(
            name=name,
            contract=contract,
            arch=self.text(record["arch"], "arch"),
            arch_args=self.plain(record["arch_args"], "arch_args"),
            ticket_sha256=self.sha256(record["ticket_sha256"], "ticket_sha256"),
            lineage=self.plain(record["lineage"], "lineage"),
            golden=self.files(record["golden"], "golden"),
            artifacts=artifacts,
        )
        self.check_files(manifest)
        return manifest

    def check_files(self, manifest: Manifest) -> None:
        """Each target once, no two paths that clash, golden and artifact files each in their place."""
        targets = [entry.target for entry in manifest.artifacts]
        if len(set(targets)) != len(targets):
            raise self.bad("artifacts", "lists a target twice")
        paths = [MANIFEST_NAME, CHECKSUM_NAME, *(entry.path for entry in manifest.files)]
        if pair := clash(paths):
            raise self.bad("files", f"lists {pair[0]!r} and {pair[1]!r}, which cannot live side by side")
        for field, entries, most in (
            ("files", manifest.files, MAX_BUNDLE_BYTES),
            ("golden", manifest.golden, MAX_GOLDEN_BYTES),
        ):
            if sum(entry.size for entry in entries) > most:
                raise self.bad(field, f"are larger than {most} bytes together")
        inside = f"{GOLDEN_FOLDER}/"
        for entry in manifest.golden:
            if not entry.path.startswith(inside):
                raise self.bad("golden", f"{entry.path!r} is not in {inside}")
        for index, artifact in enumerate(manifest.artifacts):
            at = f"artifacts[{index}]"
            if not artifact.files:
                raise self.bad(f"{at}.files", "is empty")
            for entry in artifact.files:
                if entry.path != artifact.path and not entry.path.startswith(f"{artifact.path}/"):
                    raise self.bad(f"{at}.files", f"{entry.path!r} is not at {artifact.path!r}")
                if entry.path.startswith(inside):
                    raise self.bad(f"{at}.files", f"{entry.path!r} is among the golden files")
