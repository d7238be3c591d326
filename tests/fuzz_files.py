"""Fuzz the readers of edgedf's files: `python -m tests.fuzz_files --count 1000000 --seed 1`.

Property: whatever the bytes, a reader gives a sound value or an EdgedfError whose message a terminal can
show, within seconds and without a large allocation. Anything else is printed, kept as a file and fails.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from edgedf.errors import EdgedfError
from edgedf.ticket import parse_ticket, ticket_bytes
from tests.bundle_fuzz import mutate_bundle, read_bundle, sound_zip
from tests.mutate import mutate_safetensors
from tests.ticket_samples import sample_ticket

SECONDS_PER_CASE = 5
MEMORY_PER_CASE = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """One file format to fuzz: sound files, how to damage one, and how to read and judge the result."""

    name: str
    sound: tuple[bytes, ...]
    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[bytes], None]


def ticket_format() -> Format:
    """Tickets: what parses must also be written back and parse to the same bytes."""
    sound = tuple(ticket_bytes(sample_ticket(with_init=init)) for init in (False, True))
    return Format("ticket", sound, mutate_safetensors, _read_ticket)


def _read_ticket(data: bytes) -> None:
    again = ticket_bytes(parse_ticket(data, file="fuzz"))
    if ticket_bytes(parse_ticket(again, file="fuzz")) != again:
        raise AssertionError("a ticket that was read is not written back the same")


def bundle_format() -> Format:
    """Zipped bundles: what opens is the sample, or a manifest that says so itself."""
    return Format("bundle", (sound_zip(),), mutate_bundle, read_bundle)


# Every format by the name that --format takes.
FORMATS: dict[str, Callable[[], Format]] = {"ticket": ticket_format, "bundle": bundle_format}


def fuzz(target: Format, cases: Iterable[int], *, crashes: Path | None = None) -> Counter[str]:
    """Outcomes of the cases: error class names, "sound", and "CRASH ..." for a broken property.

    Args:
        cases: seeds, one per case, so that any single case can be run again.
        crashes: folder that keeps the bytes of every crash; None keeps nothing.
    """
    outcomes: Counter[str] = Counter()
    for seed in cases:
        generator = random.Random(seed)
        data = target.mutate(generator.choice(target.sound), generator)
        outcome = _outcome(target, data)
        outcomes[outcome] += 1
        if outcome.startswith("CRASH") and crashes is not None:
            (crashes / f"{target.name}-{seed}.bin").write_bytes(data)
    return outcomes


def _outcome(target: Format, data: bytes) -> str:
    began = time.monotonic()
    try:
        target.read(data)
        outcome = "sound"
    except EdgedfError as error:
        shown = str(error)
        readable = all(c.isprintable() or c in "\n\t" for c in shown) and 0 < len(shown) < 2000
        outcome = type(error).__name__ if readable else f"CRASH unreadable message {shown[:200]!r}"
    except Exception as error:
        outcome = f"CRASH {type(error).__name__}: {str(error)[:200]}"
    if time.monotonic() - began > SECONDS_PER_CASE:
        outcome = f"CRASH slow, then {outcome}"
    return outcome


def _limit_memory() -> None:
    """A large allocation becomes a MemoryError, which counts as a crash."""
    pages = (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    )
    if pages:
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_PER_CASE
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _hung(_signal: int, _frame: object) -> None:
    raise AssertionError(f"no answer after {SECONDS_PER_CASE} seconds")


def _share(arguments: tuple[str, int, int, str]) -> Counter[str]:
    """One process's part of the work, in slices so that a hang is caught within seconds."""
    name, first, last, crashes = arguments
    target = FORMATS[name]()
    _outcome(target, target.sound[0])  # imports what reading needs before memory is limited
    _limit_memory()
    signal.signal(signal.SIGALRM, _hung)
    outcomes: Counter[str] = Counter()
    for seed in range(first, last):
        signal.alarm(SECONDS_PER_CASE)
        outcomes += fuzz(target, (seed,), crashes=Path(crashes))
    signal.alarm(0)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="cases per format (default 10000)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: cores)")
    parser.add_argument("--format", choices=sorted(FORMATS), help="only this one (default: all)")
    options = parser.parse_args()
    failed = False
    for name in [options.format] if options.format else sorted(FORMATS):
        crashes = tempfile.mkdtemp(prefix=f"edgedf-fuzz-{name}-")
        step = -(-options.count // options.jobs)
        last = options.seed + options.count
        shares = [(name, at, min(at + step, last), crashes) for at in range(options.seed, last, step)]
        began = time.monotonic()
        with get_context("spawn").Pool(options.jobs) as pool:
            outcomes = sum(pool.imap_unordered(_share, shares), Counter[str]())
        print(
            f"{name}: {sum(outcomes.values())} files in {time.monotonic() - began:.0f} s, seed {options.seed}"
        )
        for outcome, count in outcomes.most_common():
            print(f"  {count:>9}  {outcome}")
        if any(outcome.startswith("CRASH") for outcome in outcomes):
            print(f"  the files that did it: {crashes}")
            failed = True
        else:
            Path(crashes).rmdir()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
