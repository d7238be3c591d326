"""Bundles for the fuzzer: a zipped sample, damaged as bytes, as an archive, or behind a right checksum."""

from __future__ import annotations

import io
import json
import random
import tempfile
import warnings
import zipfile
from functools import lru_cache
from pathlib import Path

from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.golden import INDEX_NAME
from edgedf.bundle.integrity import checksum_line
from edgedf.bundle.manifest import CHECKSUM_NAME, MANIFEST_NAME
from edgedf.bundle.reader import open_bundle
from edgedf.bundle.writer import bundle_files
from edgedf.files import canonical_json, sha256_bytes
from tests.bundle_samples import sample_bundle
from tests.mutate import mutate_bytes, mutate_json


@lru_cache(maxsize=1)
def sound_files() -> dict[str, bytes]:
    """Every file of a small sample bundle."""
    return bundle_files(*sample_bundle(pictures=2))


@lru_cache(maxsize=1)
def sound_zip() -> bytes:
    """The sample bundle as a .zip."""
    return zip_bytes(sound_files())


def mutate_bundle(data: bytes, generator: random.Random) -> bytes:
    """One kind of damage: to the archive's bytes, to one file, to the manifest, or to the list of files."""
    files = dict(sound_files())
    names = sorted(files)
    name = generator.choice(names)
    match generator.randrange(7):
        case 0 | 1:
            return mutate_bytes(data, generator)
        case 2:
            files[name] = mutate_bytes(files[name], generator)
        case 3:
            files[MANIFEST_NAME] = mutate_json(files[MANIFEST_NAME], generator)
            files[CHECKSUM_NAME] = checksum_line(files[MANIFEST_NAME])
        case 4:
            files[INDEX_NAME] = mutate_json(files[INDEX_NAME], generator)
            _sign(files, INDEX_NAME)
        case 5:
            other = generator.choice(names)
            files[name], files[other] = files[other], files[name]
        case _:
            content = files.pop(name)
            odd = ("../" + name, name.upper(), name + "/x", "/" + name, "", "\x00", "a" * 300, name)
            files[generator.choice(odd)] = content
    return _plain_zip(files)


def _sign(files: dict[str, bytes], name: str) -> None:
    """Make a golden file's hash and the manifest's checksum right again, as a determined person would."""
    manifest = json.loads(files[MANIFEST_NAME])
    for entry in manifest["golden"]:
        if entry["path"] == name:
            entry |= {"sha256": sha256_bytes(files[name]), "size": len(files[name])}
    files[MANIFEST_NAME] = canonical_json(manifest)
    files[CHECKSUM_NAME] = checksum_line(files[MANIFEST_NAME])


def read_bundle(data: bytes) -> None:
    """Open the bundle; what opens holds the sample's files, or a manifest with a right checksum."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.zip"
        path.write_bytes(data)
        with open_bundle(path) as bundle:
            found = {entry.path: (bundle.folder / entry.path).read_bytes() for entry in bundle.manifest.files}
            again = bundle_files(bundle.manifest, found)
            bundle.goldens()
            sound = sound_files()
            # Only golden/index.json is ever damaged behind a right hash.
            if any(found[name] != sound.get(name) for name in set(found) - {INDEX_NAME}):
                raise AssertionError("a damaged file was accepted")
            same = (bundle.folder / CHECKSUM_NAME).read_bytes() == sound[CHECKSUM_NAME]
            if same and again != sound:
                raise AssertionError("a bundle changed although its checksum did not")


def _plain_zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name or "x"), data)
    return stream.getvalue()
