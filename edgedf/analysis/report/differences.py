"""The page's table of IMP against dense and each control, in pairs of one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgedf.analysis.report.markup import Html, join, table, tag
from edgedf.analysis.report.names import kind_name
from edgedf.training.paired import CAVEATS, FEWEST_PAIRS, Difference, paired_differences


def differences_part(points: Sequence[Mapping[str, Any]]) -> Html:
    """The table with what its intervals cover; with a single seed only how to get it."""
    found = [difference for difference in paired_differences(points) if difference.seeds > 1]
    if not found:
        seeds = " ".join(f"--seed {seed}" for seed in range(FEWEST_PAIRS))
        return _note(
            f"One seed: no interval for IMP against a control. `edgedf train {seeds} ...` gives one."
        )
    columns = ("sparsity", "IMP minus", "metric", "seeds", "mean", "95% interval of the mean")
    head = "Test split, paired by seed, Student's t over the pairs. Above 0: the IMP ticket is ahead."
    rows = table(columns, map(_row, found), numbers=("sparsity", *columns[3:]))
    return join((_note(" ".join((head, *CAVEATS))), rows))


def _row(difference: Difference) -> tuple[str, str, str, int, str, str]:
    return (
        f"{100 * difference.sparsity:.2f} %",
        kind_name(difference.against),
        "AUC" if difference.metric == "auc" else difference.metric,
        difference.seeds,
        f"{difference.mean:+.4f}",
        difference.span(4),
    )


def _note(text: str) -> Html:
    return tag("p", text, class_="note")
