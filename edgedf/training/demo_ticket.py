"""Makes the demo ticket that the package ships: trained on synthetic faces, for trying the tools only.

Run `python -m edgedf.training.demo_ticket WORK` to make it again: it writes the benchmark and the run
below WORK and copies the chosen ticket to edgedf/assets/demo-ticket.safetensors.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgedf.errors import EdgedfError, TrainingError, UsageError
from edgedf.files import read_bytes, write_atomic

DEMO_TICKET = Path(__file__).resolve().parent.parent / "assets" / "demo-ticket.safetensors"
MAX_BYTES = 300_000
DATA_SEED, TRAINING_SEED, THREADS = 11, 0, 1
TRAIN_PICTURES, VALIDATION_PICTURES, TEST_PICTURES = 6000, 800, 1600


def make_demo_ticket(work: Path, destination: Path = DEMO_TICKET) -> Path:
    """Write benchmark and run below `work` (both are taken up if they are there), copy the ticket.

    One thread always, so that machines of one kind give the same bytes. Returns `destination`.
    Raises TrainingError if the ticket would be too large to ship.
    """
    from edgedf.data.synth.writer import BenchmarkPlan, write_benchmark
    from edgedf.training.machine import prepare_machine
    from edgedf.training.recipes import demo_ticket
    from edgedf.training.run import TICKET_NAME, RunOptions, train_run

    faces, run = work / "faces", work / "run"
    if not faces.exists():
        plan = BenchmarkPlan(
            train=TRAIN_PICTURES, validation=VALIDATION_PICTURES, test=TEST_PICTURES, seed=DATA_SEED
        )
        write_benchmark(faces, plan, jobs=os.cpu_count() or 1)
    machine = prepare_machine("cpu", THREADS)
    train_run(RunOptions(data=faces, out=run, recipe=demo_ticket(), machine=machine, seeds=(TRAINING_SEED,)))
    data = read_bytes(run / TICKET_NAME)
    if len(data) > MAX_BYTES:
        raise TrainingError(f"has {len(data)} bytes, more than the {MAX_BYTES} that ship", file=destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(destination, data)
    return destination


def main(arguments: list[str]) -> int:
    """Entry point of the module; returns the exit code."""
    try:
        if len(arguments) != 1:
            raise UsageError("expected one argument, the working folder", field="arguments")
        sys.stdout.write(f"{make_demo_ticket(Path(arguments[0]))}\n")
    except EdgedfError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
