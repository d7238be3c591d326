"""What the tests of bundles share."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgedf.bundle.writer import write_bundle
from tests.bundle_samples import sample_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a.edgedf"
    write_bundle(path, *sample_bundle())
    return path
