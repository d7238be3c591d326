"""Every error edgedf raises on purpose: one hierarchy, one wording, one exit code each.

A message says what is wrong, where (file and field), and after `hint:` what to do about it.
"""

from __future__ import annotations

from os import PathLike
from typing import ClassVar

EXIT_GATE = 1
EXIT_BAD_INPUT = 2
EXIT_NOT_RUN = 3
# An exception nobody foresaw; 70 is EX_SOFTWARE of sysexits.h.
EXIT_BUG = 70


class EdgedfError(Exception):
    """Base of all errors. `str(error)` is one line for a person, plus a `hint:` line if there is a remedy.

    Args:
        problem: what is wrong, lower case, no full stop.
        file: the file it is about, if any.
        field: the tensor, key or option it is about, if any.
        hint: what the user can do, if anything.
    """

    exit_code: ClassVar[int] = EXIT_BAD_INPUT

    def __init__(
        self,
        problem: str,
        *,
        file: str | PathLike[str] | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem, self.field, self.hint = problem, field, hint
        self.file = None if file is None else str(file)
        where = ": ".join(part for part in (self.file, field) if part)
        super().__init__(printable(f"{where}: {problem}" if where else problem))

    def __str__(self) -> str:
        line = super().__str__()
        return f"{line}\nhint: {printable(self.hint)}" if self.hint else line


def printable(text: str) -> str:
    """`text` with control characters, bidirectional marks and lone surrogates escaped, newline and tab kept.

    A hostile file's names reach terminals.
    """
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1]
        for character in text
    )


class UsageError(EdgedfError):
    """An option or argument makes no sense."""


class FileError(EdgedfError):
    """A file cannot be read or written (missing, no permission, disk full)."""


class ContractError(EdgedfError):
    """A contract's JSON is damaged, of an unknown version or out of range."""


class TicketError(EdgedfError):
    """A ticket file is damaged, inconsistent or of an unknown version."""


class BundleError(EdgedfError):
    """A bundle is damaged, incomplete, tampered with or of an unknown version."""


class DataError(EdgedfError):
    """A data set folder, index, cache or picture cannot be used."""


class ModelError(EdgedfError):
    """An architecture's name or arguments are unknown or out of range."""


class TrainingError(EdgedfError):
    """A training run cannot start, resume or go on."""


class CompactError(EdgedfError):
    """A network cannot be compacted exactly."""


class ConvertError(EdgedfError):
    """A converter cannot express the network in its target's format."""


class CropError(EdgedfError):
    """A frame, box or pixel format cannot be cropped."""


class ParityError(EdgedfError):
    """The gate said no: an artifact does not compute what the ticket computes."""

    exit_code: ClassVar[int] = EXIT_GATE


class NotRunError(EdgedfError):
    """A check or runtime cannot run on this machine. NOT RUN is never a pass."""

    exit_code: ClassVar[int] = EXIT_NOT_RUN
