"""While the core crops, other Python threads run."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgedf.crop import Frame, PixelFormat
from edgedf.native import crop_core
from edgedf.native.library import load_library


class Counter:
    """A thread that counts, and gives the interpreter's lock back after each number."""

    def __init__(self) -> None:
        self.value = 0
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            self.value += 1
            time.sleep(0)

    def stop(self) -> None:
        self._stop = True
        self._thread.join()


@pytest.fixture
def counter() -> Iterator[Counter]:
    """Nobody takes the lock from a thread that keeps it: only who gives it back lets others run."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    counter = Counter()
    yield counter
    counter.stop()
    sys.setswitchinterval(interval)


def _job() -> tuple[object, ...]:
    """Arguments of a crop that takes tens of milliseconds, most of them in the portable loops."""
    image = np.zeros((2000, 2000, 4), np.uint8)
    frame = Frame.from_array(image, PixelFormat.RGBA8888)
    out, workspace = np.empty((512, 512, 3), np.uint8), np.empty(4 << 20, np.uint8)
    request = crop_core.request_bytes((0.0, 0.0, 2000.0, 2000.0), 1.0, 512, 0, 7)
    memory = (workspace.ctypes.data, workspace.nbytes, out.ctypes.data, out.nbytes)
    return crop_core.frame_bytes(frame), request, memory, (image, out, workspace)


def _counted(library: ctypes.CDLL, counter: Counter) -> int:
    """How far the other thread counts during one call of the core."""
    frame, request, memory, _kept = _job()
    library.edgedf_crop.argtypes = crop_core._functions().edgedf_crop.argtypes
    while counter.value == 0:  # it runs
        time.sleep(0)
    before = counter.value
    status = library.edgedf_crop(frame, request, *memory)
    after = counter.value
    assert status == 0
    return after - before


def test_another_thread_counts_on_during_a_crop(counter: Counter) -> None:
    assert _counted(crop_core._functions(), counter) > 0


def test_the_count_stands_still_where_the_lock_is_kept(counter: Counter) -> None:
    # The control: the same call through the kind of ctypes library that keeps the lock.
    assert _counted(ctypes.PyDLL(load_library()._name), counter) == 0
