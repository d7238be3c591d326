"""The page's part about training: accuracy over sparsity with controls and seeds, and the lineage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from edgedf.analysis.report.chart import ChartPoint, line_chart
from edgedf.analysis.report.differences import differences_part
from edgedf.analysis.report.markup import Html, Part, join, section, table, tag
from edgedf.analysis.report.names import NAMES, kind_name, network_name

Group = tuple[str, int]
_RANGE = "A range goes from the lowest to the highest bound of all seeds and is no interval of their mean."
_BUDGETS = (
    "Epochs spent in all: of this training and of every one that the network cannot be had without. Of two "
    "networks the one with more epochs may be ahead for that alone."
)


def curve_section(run: Mapping[str, Any]) -> Html:
    """Charts of test accuracy and AUC, and every point as a table."""
    groups = _groups(run["points"])
    bars = " Bars span the seeds." if len(run["seeds"]) > 1 else ""
    charts = [
        tag("figure", line_chart(_series(groups, metric), label=label), tag("figcaption", caption))
        for metric, label, caption in (
            ("accuracy", "test accuracy", f"Accuracy on the test split.{bars}"),
            ("auc", "test AUC", f"Area under the ROC curve on the test split.{bars}"),
        )
    ]
    seeds = ", ".join(str(seed) for seed in run["seeds"])
    intro = f"Seeds: {seeds}. Selection looks at validation only; the test figures are shown, not used."
    return section(
        "Accuracy over sparsity", tag("p", intro), *charts, _table(groups), differences_part(run["points"])
    )


def lineage_section(run: Mapping[str, Any]) -> Html:
    """Recipe, data and machine of the run, and the chosen ticket."""
    chosen = run.get("chosen") or {}
    facts = {
        "status": run["status"],
        "chosen ticket": ", ".join(f"{key} {_short(value)}" for key, value in sorted(chosen.items())),
        **{f"recipe: {key}": _short(value) for key, value in sorted(run["recipe"].items())},
        **{f"data: {key}": _short(value) for key, value in sorted(run["dataset"].items())},
        **{f"machine: {key}": _short(value) for key, value in sorted(run["machine"].items())},
    }
    rows = table(("what", "value"), facts.items())
    return section("Lineage", tag("details", tag("summary", "Recipe, data, machine"), rows))


def _groups(points: Sequence[Mapping[str, Any]]) -> dict[Group, list[Mapping[str, Any]]]:
    """(kind, round) -> the points of all seeds, sorted by kind as in NAMES, then by round."""
    groups: dict[Group, list[Mapping[str, Any]]] = defaultdict(list)
    for point in points:
        groups[str(point["kind"]), int(point["round"])].append(point)
    order = list(NAMES)
    return dict(sorted(groups.items(), key=lambda g: (order.index(g[0][0]) if g[0][0] in order else 9, g[0])))


def _series(groups: Mapping[Group, list[Mapping[str, Any]]], metric: str) -> dict[str, list[ChartPoint]]:
    series: dict[str, list[ChartPoint]] = defaultdict(list)
    for (kind, _), points in groups.items():
        values = _values(points, "test", metric)
        if values:
            left = 1 - sum(float(point["sparsity"]) for point in points) / len(points)
            mean = sum(values) / len(values)
            point = ChartPoint(left=max(left, 1e-4), mean=mean, low=min(values), high=max(values))
            series[kind_name(kind)].append(point)
    return {name: sorted(line, key=lambda p: -p.left) for name, line in series.items()}


def _table(groups: Mapping[Group, list[Mapping[str, Any]]]) -> Html:
    several = any(_seeds(points) > 1 for points in groups.values())
    interval = "range of the seeds' 95% intervals" if several else "95% interval"
    columns = (
        "network",
        "sparsity",
        "weights left",
        "seeds",
        "epochs trained",
        "epochs spent in all",
        "validation accuracy",
        "test accuracy",
        interval,
        "test AUC",
        f"AUC: {interval}",
    )
    rows = [_row(network_name(*group), points) for group, points in groups.items()]
    notes = [_resampled(groups), *([_RANGE] if several else []), _BUDGETS]
    return join((table(columns, rows, numbers=columns[1:]), tag("p", " ".join(notes), class_="note")))


def _row(name: str, points: Sequence[Mapping[str, Any]]) -> Sequence[Part]:
    sparsity = sum(float(point["sparsity"]) for point in points) / len(points)
    return (
        name,
        f"{100 * sparsity:.2f} %",
        f"{points[0]['nonzero']:,}",
        _seeds(points),
        _epochs(points, "epochs"),
        _epochs(points, "spent_epochs"),
        _mean(points, "validation", "accuracy"),
        _mean(points, "test", "accuracy"),
        _interval(points, "accuracy"),
        _mean(points, "test", "auc"),
        _interval(points, "auc"),
    )


def _resampled(groups: Mapping[Group, list[Mapping[str, Any]]]) -> str:
    """What an interval of the table is; the figures say whether two pictures are known to show one person."""
    tests = [point["metrics"].get("test", {}) for points in groups.values() for point in points]
    counts = {(test["people"], test["count"]) for test in tests if {"people", "count"} <= set(test)}
    over = "single pictures: no two of them are known to show one person."
    if counts and all(people < pictures for people, pictures in counts):
        over = "people: pictures with the same first person are drawn together."
    return f"Intervals: of one network, 95 % bootstrap of the test split over {over}"


def _seeds(points: Sequence[Mapping[str, Any]]) -> int:
    return len({point["seed"] for point in points})


def _values(points: Sequence[Mapping[str, Any]], split: str, metric: str) -> list[float]:
    found = (point["metrics"].get(split, {}).get(metric) for point in points)
    return [float(value) for value in found if value is not None]


def _mean(points: Sequence[Mapping[str, Any]], split: str, metric: str) -> str | None:
    values = _values(points, split, metric)
    return f"{sum(values) / len(values):.4f}" if values else None


def _epochs(points: Sequence[Mapping[str, Any]], name: str) -> str | None:
    values = _values(points, "training", name)
    return f"{sum(values) / len(values):g}" if values else None


def _interval(points: Sequence[Mapping[str, Any]], metric: str) -> str | None:
    low, high = (_values(points, "test", f"{metric}_{end}") for end in ("low", "high"))
    return f"{min(low):.4f} to {max(high):.4f}" if low and high else None


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(item)}" for key, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(_short(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
