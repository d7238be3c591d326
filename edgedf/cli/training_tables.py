"""What `edgedf train` prints at its end: every point, then IMP against the other networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgedf.cli.output import print_table, show_line

if TYPE_CHECKING:
    from edgedf.training.paired import Difference


def print_points(points: Sequence[Mapping[str, Any]], *, several: bool) -> None:
    """One line per point of run.json, test figures with their 95% intervals; `several` shows the seed."""
    rows = []
    for point in points:
        test, training = point["metrics"]["test"], point["metrics"]["training"]
        rows.append(
            [
                *([point["seed"]] if several else []),
                "dense" if point["round"] == 0 else point["kind"],
                f"{100 * point['sparsity']:.1f}%",
                f"{point['nonzero']:,}",
                f"{point['metrics']['validation']['accuracy']:.3f}",
                f"{test['accuracy']:.3f} ({test['accuracy_low']:.3f}-{test['accuracy_high']:.3f})",
                f"{test['auc']:.3f} ({test['auc_low']:.3f}-{test['auc_high']:.3f})",
                f"{training['spent_epochs']:.0f}",
                ", ".join(point["held"]) or None,
            ]
        )
    columns = ["kind", "sparsity", "weights", "val. acc.", "test accuracy", "test AUC", "epochs spent"]
    print_table(
        [*(["seed"] if several else []), *columns, "floor held"],
        rows,
        right=("seed", "sparsity", "weights", "epochs spent"),
    )


def print_differences(differences: Sequence[Difference]) -> None:
    """IMP's lead over dense and over each control, test split; only with two seeds or more."""
    from edgedf.training.paired import CAVEATS

    rounds: dict[tuple[int, str], dict[str, Difference]] = {}
    for difference in differences:
        if difference.seeds > 1:
            rounds.setdefault((difference.round, difference.against), {})[difference.metric] = difference
    if not rounds:
        return
    rows = []
    for (_, against), metrics in rounds.items():
        first = metrics["accuracy"]
        cells = [_with_interval(metrics[name]) for name in ("accuracy", "auc")]
        rows.append([f"{100 * first.sparsity:.1f}%", against, first.seeds, *cells])
    print_table(
        ["sparsity", "against", "seeds", "accuracy", "AUC"],
        rows,
        title="IMP minus the other, paired over seeds (95% interval of the mean); above 0: IMP is ahead",
        right=("sparsity", "seeds"),
    )
    for caveat in CAVEATS:
        show_line(caveat)


def _with_interval(difference: Difference) -> str:
    return f"{difference.mean:+.3f} ({difference.span(3)})"
