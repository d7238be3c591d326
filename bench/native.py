"""Time edgedf's sparse engine on one thread beside LiteRT and ExecuTorch, on the same networks and crops.

Usage: python bench/native.py [--json] [--turns N]   (make bench-native)

Masks are random, with the stated share of zeros in every layer. The ways take turns, so that a slow moment of
the machine hits all of them. A turn is one call that finds the caches full of another engine's data, printed
as "first", and then calls in a row, whose median is the time, as the engines' own benchmark programs measure
it. edgedf also makes floats of the crop's bytes within its time; the others do not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from native_size import memory_line, size_line
from native_ways import Way, executorch_way, litert_way, native_file, native_way

from edgedf.assembly.sweep import Work, sparse_network

# (work, sparsity, least ratio to the faster of LiteRT and ExecuTorch)
ROWS = (
    (Work(arch="mesonet", size=256), 0.0, 1 / 1.5),
    (Work(arch="mesonet", size=256), 0.8, 5.0),
    (Work(arch="mesonet", size=256), 0.9, 8.0),
    (Work(arch="mesonet", size=128), 0.0, 1 / 1.5),
    (Work(arch="mesonet", size=128), 0.8, 5.0),
    (Work(arch="cnn5", size=128), 0.0, 1 / 1.5),
    (Work(arch="cnn5", size=128), 0.8, 2.0),
    (Work(arch="cnn5", size=128), 0.9, 4.0),
    (Work(arch="resnet18", size=224), 0.0, 1 / 1.5),
    (Work(arch="resnet18", size=224), 0.9, 3.0),
    (Work(arch="resnet18", size=224), 0.95, 5.0),
)
TWO_THREADS = (Work(arch="resnet18", size=224), 0.9, 1.7)


# Calls in a row of one turn.
ROW = 20


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one way in a row: fastest, median, 10th and 90th percentile; median of first calls."""

    min_ms: float
    median_ms: float
    p10_ms: float
    p90_ms: float
    first_ms: float


@dataclass(frozen=True)
class Line:
    """One network, all ways. `ratio`: faster rival's median over edgedf's; `first_ratio`: of first calls."""

    work: str
    sparsity: float
    times: Mapping[str, Timing]
    ratio: float
    first_ratio: float
    wanted: float


def measure(ways: Mapping[str, Way], turns: int) -> dict[str, Timing]:
    """Every way once per turn, each with a first call and `ROW` calls after it."""
    calls: dict[str, list[list[float]]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(turns):
        for name, way in ways.items():
            calls[name].append([_milliseconds(way) for _ in range(1 + ROW)])
    return {name: summary(turns_of_way) for name, turns_of_way in calls.items()}


def _milliseconds(way: Way) -> float:
    start = time.perf_counter()
    way()
    return (time.perf_counter() - start) * 1e3


def summary(turns: Sequence[Sequence[float]]) -> Timing:
    """What a way's turns come to; each turn is its first call and those after it."""
    first = statistics.median(turn[0] for turn in turns)
    after = [value for turn in turns for value in turn[1:]]
    deciles = statistics.quantiles(after, n=10)
    return Timing(min(after), statistics.median(after), deciles[0], deciles[-1], first)


def compare(work: Work, sparsity: float, wanted: float, turns: int) -> Line:
    """One row of the table. The three answers must agree, or the times mean nothing."""
    module = sparse_network(work, sparsity)
    crop = np.random.default_rng(1).integers(0, 256, (work.size, work.size, 3), dtype=np.uint8)
    run, model = native_way(native_file(module, work), crop)
    ways: dict[str, Way] = {"edgedf": run}
    ways["litert"] = litert_way(module, work, crop)
    ways["executorch"] = executorch_way(module, work, crop)
    answers = {name: float(str(way())) for name, way in ways.items()}
    spread = max(answers.values()) - min(answers.values())
    assert spread <= 1e-4 * max(1.0, abs(answers["edgedf"])), answers
    times = measure(ways, turns)
    model.close()
    rivals = [times[name] for name in ("litert", "executorch")]
    return Line(
        work.name,
        sparsity,
        times,
        min(t.median_ms for t in rivals) / times["edgedf"].median_ms,
        min(t.first_ms for t in rivals) / times["edgedf"].first_ms,
        wanted,
    )


def two_threads(turns: int) -> dict[str, float]:
    """How much faster two threads are than one. Run in a process of its own: see `in_fresh_process`."""
    work, sparsity, wanted = TWO_THREADS
    data = native_file(sparse_network(work, sparsity), work)
    crop = np.random.default_rng(1).integers(0, 256, (work.size, work.size, 3), dtype=np.uint8)
    (one, first), (two, second) = native_way(data, crop), native_way(data, crop, threads=2)
    times = measure({"one": one, "two": two}, turns)
    first.close()
    second.close()
    best = times["one"].min_ms / times["two"].min_ms
    return {"ratio": times["one"].median_ms / times["two"].median_ms, "best_ratio": best, "wanted": wanted}


def in_fresh_process(turns: int) -> dict[str, float]:
    """`two_threads` where no other engine has left threads that wait for work on the second core."""
    command = [sys.executable, __file__, "--two-threads", "--turns", str(turns)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    record: dict[str, float] = json.loads(output)
    return record


def print_line(line: Line) -> None:
    cells = "  ".join(
        f"{name} {t.median_ms:8.3f} ({t.p10_ms:.3f}-{t.p90_ms:.3f}, first {t.first_ms:.3f})"
        for name, t in line.times.items()
    )
    verdict = "ok  " if line.ratio >= line.wanted else "LESS"
    print(
        f"{line.work:13} {line.sparsity:4.0%}  {cells}  {line.ratio:5.2f}x "
        f"(first calls {line.first_ratio:.2f}x)  wanted {line.wanted:.2f}x {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=21, help="turns per way, each of several calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--two-threads", action="store_true", help="only two threads against one, as JSON")
    options = parser.parse_args()
    if options.two_threads:
        print(json.dumps(two_threads(options.turns)))
        return
    as_json = options.json
    if not as_json:
        print("median milliseconds (10th-90th percentile, median of first calls), one thread")
    lines = []
    for work, sparsity, wanted in ROWS:
        lines.append(compare(work, sparsity, wanted, turns_for(work, options.turns)))
        if not as_json:
            print_line(lines[-1])
    threads = in_fresh_process(turns_for(TWO_THREADS[0], options.turns))
    sizes = [size_line(work, precision) for work in WORKS for precision in ("float16", "int8")]
    memory = [memory_line(work) for work in WORKS]
    if as_json:
        record = {"rows": [asdict(line) for line in lines], "two_threads": threads}
        print(json.dumps(record | {"sizes": sizes, "memory": memory}, indent=2))
    else:
        print(
            f"two threads, {TWO_THREADS[0].name} {TWO_THREADS[1]:.0%}: {threads['ratio']:.2f}x "
            f"(minima {threads['best_ratio']:.2f}x), wanted {threads['wanted']:.1f}x"
        )
        print("\n".join(str(record["text"]) for record in (*sizes, *memory)))


WORKS = tuple(dict.fromkeys(work for work, _, _ in ROWS))


def turns_for(work: Work, turns: int) -> int:
    """Fewer of the slow ones."""
    return max(5, turns // 4) if work.arch == "resnet18" else turns


if __name__ == "__main__":
    sys.exit(main())
