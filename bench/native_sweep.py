"""Latency over sparsity, 0 to 99%, per architecture and engine: sweep.json and sweep.svg."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from native_tickets import Work

SPARSITIES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)


def sweep(folder: Path, works: Sequence[Work], turns: int) -> None:
    """Time every work at every sparsity and write both files into `folder`."""
    from native import compare, turns_for

    records = []
    for work in works:
        for sparsity in SPARSITIES:
            line = compare(work, sparsity, 0.0, max(5, turns_for(work, turns) // 2))
            records.append({"work": work.name, "sparsity": sparsity} | {"times": asdict(line)["times"]})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.json").write_text(json.dumps(records, indent=2) + "\n")
    draw(records, folder / "sweep.svg")


def draw(records: Sequence[dict[str, Any]], path: Path) -> None:
    """One panel per work, one line per engine, logarithmic milliseconds."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(record["work"] for record in records))
    figure, panels = pyplot.subplots(1, len(names), figsize=(4 * len(names), 3.2), squeeze=False)
    for panel, name in zip(panels[0], names, strict=True):
        mine = [record for record in records if record["work"] == name]
        for engine in mine[0]["times"]:
            x = [100 * record["sparsity"] for record in mine]
            panel.plot(x, [record["times"][engine]["median_ms"] for record in mine], label=engine, marker=".")
        panel.set(title=name, xlabel="weights that are zero, %", ylabel="ms, median", yscale="log")
        panel.legend()
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
