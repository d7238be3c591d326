"""What run.json says of one ticket, read from the ticket itself."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from edgedf.errors import TrainingError
from edgedf.files import sha256_file
from edgedf.os_errors import read_error
from edgedf.ticket import read_ticket

# What to do about a ticket that a run cannot use.
REMEDY = "remove it: the same command trains it again; or choose another --out"


def summarize(path: Path) -> dict[str, Any]:
    """What the row of run.json says of the ticket at `path`, without the path itself.

    Beside it stand "fingerprint" (of the data set) and "recipe" (JSON) that the ticket was trained with.
    Nothing here says that the values make sense: `run_file` holds them to the run.
    A file is read once as long as it does not change: a run asks for every row after every point, and a
    ResNet-18 ticket has 100 MB.
    Raises TicketError if it is damaged, TrainingError if no run wrote it.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise read_error(path, error) from error
    return dict(_summarize(path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=4096)
def _summarize(path: Path, _changed: int, _size: int) -> dict[str, Any]:
    ticket = read_ticket(path)
    lineage = ticket.lineage
    point = lineage.recipe.get("point")
    if not isinstance(point, dict) or not {"kind", "held"} <= set(point):
        raise TrainingError(
            "was not written by `edgedf train`", file=path, field="lineage.recipe.point", hint=REMEDY
        )
    return {
        "kind": point["kind"],
        "round": lineage.round,
        "seed": lineage.seed,
        "sparsity": ticket.sparsity,
        "nonzero": ticket.nonzero,
        "layers": {n: 1.0 - float(m.mean(dtype="float64")) for n, m in sorted(ticket.mask.items())},
        "held": point["held"],
        "temperature": ticket.contract.temperature,
        "metrics": {split: dict(values) for split, values in lineage.metrics.items()},
        "fingerprint": lineage.dataset.get("fingerprint"),
        "recipe": {name: value for name, value in lineage.recipe.items() if name != "point"},
        "sha256": sha256_file(path),
    }
