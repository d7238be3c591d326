"""What the tests of training share: a tiny data set and a recipe of seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgedf.training.recipe import Recipe
from tests.training_runs import run_on_one_thread
from tests.training_samples import write_faces

_TINY = Recipe(
    name="tiny",
    size=64,
    batch=8,
    epochs=2,
    rounds=2,
    rate=0.5,
    rewind=1,
    shift=2,
    control_sparsities=(0.75,),
)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def tiny() -> Recipe:
    """Seconds of training: two epochs, two rounds, two controls."""
    return replace(_TINY, controls=("oneshot", "random"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Path:
    """One uninterrupted run of the tiny recipe, with its own controls."""
    out = tmp_path_factory.mktemp("run") / "run"
    run_on_one_thread(faces, out, _TINY)
    return out
