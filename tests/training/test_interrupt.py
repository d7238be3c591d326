"""Real Ctrl-C at many moments of a run: it stops at once, loses nothing, and the bytes stay the same."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgedf.training.interrupt import stop_flag
from edgedf.training.machine import prepare_machine
from edgedf.training.recipe import Recipe
from edgedf.training.run import RunOptions, train_run
from tests.training_runs import run_bytes
from tests.training_samples import write_faces

# A batch takes milliseconds; the rest is patience with a loaded machine.
AT_ONCE_SECONDS = 5.0


def _options(faces: Path, out: Path, recipe: Recipe) -> RunOptions:
    return RunOptions(data=faces, out=out, recipe=recipe, machine=prepare_machine("cpu", 1))


class _Interruption:
    """When SIGINT was sent to this process."""

    sent: float | None = None

    def send(self, *_: object) -> None:
        self.sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def _sigint_can_be_sent() -> Iterator[_Interruption]:
    """`signal.setitimer` sends it; nothing is left behind."""
    interruption = _Interruption()
    before = signal.signal(signal.SIGALRM, interruption.send)
    try:
        yield interruption
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def many_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many that measuring a point takes longer than training it."""
    counts = {"Train": 16, "Validation": 200, "Test": 600}
    return write_faces(tmp_path_factory.mktemp("many"), counts=counts)


def _stopped_after(seconds: float, options: RunOptions) -> float | None:
    """Run, send SIGINT after `seconds`: how long stopping took, or None if the run was through before."""
    with _sigint_can_be_sent() as interruption:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            train_run(options)
        except KeyboardInterrupt:
            assert interruption.sent is not None
            return time.monotonic() - interruption.sent
    return None


def test_the_first_ctrl_c_is_answered_and_the_second_interrupts() -> None:
    said: list[str] = []
    with stop_flag(lambda: said.append("stopping")) as stop:
        assert not stop.wanted
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert said == ["stopping"]


@pytest.mark.slow
def test_ctrl_c_at_random_moments_stops_at_once_and_changes_no_byte(many_faces, tmp_path, tiny):
    recipe = dataclasses.replace(tiny, epochs=2, rounds=1, controls=())
    for name in ("warm-up", "whole"):
        start = time.monotonic()
        train_run(_options(many_faces, tmp_path / name, recipe))
    longest = 0.5 * (time.monotonic() - start)
    generator = np.random.default_rng(1)
    waits: list[float] = []
    runs = 0
    while len(waits) < 6:
        runs += 1
        options = _options(many_faces, tmp_path / f"run{runs}", recipe)
        while (waited := _stopped_after(float(generator.uniform(0.01, longest)), options)) is not None:
            waits.append(waited)
            assert len(waits) < 200, "a stop loses work: the run gets nowhere"
        assert run_bytes(options.out) == run_bytes(tmp_path / "whole")
    print(f"{len(waits)} stops in {runs} runs, the slowest after {max(waits):.2f} s")
    assert max(waits) < AT_ONCE_SECONDS


@pytest.mark.slow
def test_ctrl_c_while_a_point_is_measured_leaves_no_ticket_and_trains_nothing_again(
    many_faces, tmp_path, tiny
):
    recipe = dataclasses.replace(tiny, epochs=1, rewind=0, rounds=0, controls=())
    out, trained = tmp_path / "run", []

    def soon(done: float, total: float, _: str, note: str) -> None:
        trained.append(done)
        if done == total and note:  # trained and validated: what is left is measuring
            signal.setitimer(signal.ITIMER_REAL, 0.02)

    with pytest.raises(KeyboardInterrupt), _sigint_can_be_sent():
        train_run(_options(many_faces, out, recipe), on_point=soon)
    assert trained
    assert not list((out / "tickets").iterdir())
    assert (out / "checkpoint.safetensors").exists()
    trained.clear()
    document = train_run(_options(many_faces, out, recipe), on_point=soon)
    assert not trained
    assert document["status"] == "complete"
