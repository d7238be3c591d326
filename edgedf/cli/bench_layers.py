"""`edgedf bench --layers`: what each layer costs on the native engine, beside the machine's limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedf.cli.output import print_json, print_table, progress_bar, show_line

if TYPE_CHECKING:
    from edgedf.assembly.layers import LayerCosts, StepCost


def layers(source: Path | None) -> LayerCosts:
    """Measure the network of a run or ticket (None: the ticket that edgedf ships)."""
    from edgedf.assembly.layers import layer_costs
    from edgedf.assembly.source import read_source
    from edgedf.compact import compact_ticket

    found = read_source(source)
    with progress_bar(f"Layers of {found.name}, seconds") as bar:
        return layer_costs(
            compact_ticket(found.ticket).graph,
            found.ticket.contract,
            notify=lambda done, total: bar.update(done, total),
        )


def show(costs: LayerCosts, *, as_json: bool) -> None:
    """Print what was measured."""
    if as_json:
        print_json(costs.to_json())
        return
    limits = costs.limits
    columns = ("layer", "kernel", "kept", "multiplies", "bytes", "ms", "least ms", "limit", "of the limit")
    print_table(
        columns,
        [_row(cost) for cost in costs.steps],
        title=f"native engine ({costs.kernels}), one thread, {costs.milliseconds:.3f} ms in all",
        right=(*columns[2:7], columns[8]),
    )
    show_line(
        f"This core at best: {limits.multiplies_per_second / 1e9:.1f} billion multiply-adds a second "
        f"(a dense matrix product), {limits.bytes_per_second / 1e9:.0f} GB a second (a copy in the cache)."
    )
    show_line("docs/native.md says how this is measured and why a sparse layer comes to about half.")


def _row(cost: StepCost) -> tuple[object, ...]:
    kept = None if cost.kept is None else f"{cost.kept:.0%}"
    share = None if cost.share is None else f"{cost.share:.0%}"
    least = max(cost.multiplies_ms, cost.bytes_ms)
    numbers = (f"{cost.multiplies:,}", f"{cost.bytes_moved:,}", f"{cost.milliseconds:.4f}", f"{least:.4f}")
    return (cost.layers, cost.kernels, kept, *numbers, cost.limit, share)
