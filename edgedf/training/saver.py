"""When a training is saved: every few seconds, before it lets a stop happen, and at its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedf.training.interrupt import StopFlag
from edgedf.training.optimizer import MaskedOptimizer
from edgedf.training.state import Progress, read_state, save_checkpoint

if TYPE_CHECKING:
    from torch import nn

# Work that a killed run loses at most, in seconds. Checkpoints change no result, so their times may.
CHECKPOINT_SECONDS = 15.0


class Saver:
    """Writes the checkpoint of one training.

    Args:
        path: the checkpoint's file.
        key: says which training it belongs to.
        model, optimizer: read at each save.
        stop: asked at each chance to save.
    """

    def __init__(
        self,
        path: Path,
        key: Mapping[str, Any],
        model: nn.Module,
        optimizer: MaskedOptimizer,
        stop: StopFlag,
    ) -> None:
        self._path, self._key, self._stop = path, key, stop
        self._model, self._optimizer = model, optimizer
        self._last = time.monotonic()

    def save(self, progress: Progress) -> None:
        """Write the checkpoint now."""
        progress.model, progress.optimizer = read_state(self._model), self._optimizer.read_state()
        save_checkpoint(self._path, self._key, progress)
        self._last = time.monotonic()

    def save_if_due(self, progress: Progress) -> None:
        """Save every CHECKPOINT_SECONDS, and at once when a stop is wanted, which then happens."""
        # Read once: a stop that comes while this runs waits for the next chance, which saves.
        stop = self._stop.wanted
        if stop or time.monotonic() - self._last >= CHECKPOINT_SECONDS:
            self.save(progress)
        if stop:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def saved_if_stopped(self, progress: Progress) -> Iterator[None]:
        """Around work that changes neither weights nor `progress`: a stop in it saves the steps before it."""
        try:
            yield
        except KeyboardInterrupt:
            self.save(progress)
            raise
