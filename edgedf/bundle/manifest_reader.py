"""Strict reading of manifest.json: unknown, missing or odd fields are errors that name the field."""

from __future__ import annotations

from typing import Any

from edgedf.bundle.manifest import (
    CHECKSUM_NAME,
    FORMAT_VERSION,
    GOLDEN_FOLDER,
    MANIFEST_NAME,
    PRECISIONS,
    TARGETS,
    ArtifactEntry,
    FileEntry,
    Manifest,
    TensorSpec,
    Tolerances,
)
from edgedf.bundle.paths import clash, path_problem
from edgedf.contract import Contract
from edgedf.errors import BundleError, ContractError
from edgedf.plain_json import check_plain

# A phone ships a few megabytes; the cap keeps a hostile manifest from asking for a full disk.
MAX_BUNDLE_BYTES = 1 << 30


class ManifestReader:
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
        if not value.isprintable():
            raise self.bad(at, "holds characters that cannot be printed")
        return value

    def sequence(self, value: Any, at: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > 10_000:
            raise self.bad(at, "is not a list of at most 10,000 entries")
        return value

    def table(self, value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.bad(at, "is not a JSON object")
        return value

    def plain(self, value: Any, at: str) -> dict[str, Any]:
        """A table of plain JSON: safe to print and to write back."""
        table = self.table(value, at)
        check_plain(table, at, file=self.file, error=BundleError)
        return table

    def parity(self, value: Any, at: str) -> dict[str, Any]:
        """What the gate recorded; a failed artifact is never shipped, so no bundle may say it failed."""
        parity = self.plain(value, at)
        outcome = parity.get("outcome")
        if parity and outcome not in ("pass", "not_run"):
            raise self.bad(f"{at}.outcome", f"is {str(outcome)[:40]}, expected pass or not_run")
        return parity

    def number(self, value: Any, at: str) -> float:
        # All three tolerances are shares: an error over the logit scale, flips, a change of AUC.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.bad(at, f"is {str(value)[:40]}, expected a number in 0..1")
        return float(value)

    def sha256(self, value: Any, at: str) -> str:
        text = self.text(value, at)
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            raise self.bad(at, "is not a sha256 (64 lower-case hex digits)")
        return text

    def path(self, value: Any, at: str) -> str:
        """A relative POSIX path that stays below the bundle."""
        text = self.text(value, at)
        if problem := path_problem(text):
            raise self.bad(at, f"{text[:80]!r} {problem}")
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
        tools = self.plain(record["tools"], f"{at}.tools")
        return ArtifactEntry(
            target=self.text(record["target"], f"{at}.target", TARGETS),
            precision=self.text(record["precision"], f"{at}.precision", PRECISIONS),
            path=self.path(record["path"], f"{at}.path"),
            files=self.files(record["files"], f"{at}.files"),
            input=self.tensor(record["input"], f"{at}.input"),
            output=self.tensor(record["output"], f"{at}.output"),
            tolerances=Tolerances(**{k: self.number(v, f"{at}.tolerances.{k}") for k, v in limits.items()}),
            parity=self.parity(record["parity"], f"{at}.parity"),
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
        if sum(entry.size for entry in manifest.files) > MAX_BUNDLE_BYTES:
            raise self.bad("files", f"are larger than {MAX_BUNDLE_BYTES} bytes together")
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


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
