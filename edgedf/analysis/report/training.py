"""The page's part about training: accuracy over sparsity with controls and seeds, and the lineage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from edgedf.analysis.report.chart import ChartPoint, line_chart
from edgedf.analysis.report.markup import Html, Part, join, section, table, tag
from edgedf.training.paired import paired_differences

_NAMES = {
    "imp": "tickets (IMP)",
    "oneshot": "one-shot, equal budget",
    "oneshot-round": "one-shot, one round",
    "random": "random mask",
    "reinit": "new weights",
}
Group = tuple[str, int]


def network_name(kind: str, number: int) -> str:
    """What the page calls a point of a run."""
    return "dense" if kind == "imp" and number == 0 else _NAMES.get(kind, kind)


def curve_section(run: Mapping[str, Any]) -> Html:
    """Charts of test accuracy and AUC, and every point as a table."""
    groups = _groups(run["points"])
    charts = [
        tag("figure", line_chart(_series(groups, metric), label=label), tag("figcaption", caption))
        for metric, label, caption in (
            ("accuracy", "test accuracy", "Accuracy on the test split. Bars span the seeds."),
            ("auc", "test AUC", "Area under the ROC curve on the test split. Bars span the seeds."),
        )
    ]
    seeds = ", ".join(str(seed) for seed in run["seeds"])
    intro = f"Seeds: {seeds}. Selection looks at validation only; the test figures are shown, not used."
    return section(
        "Accuracy over sparsity", tag("p", intro), *charts, _table(groups), _against(run["points"])
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
    """(kind, round) -> the points of all seeds, sorted by kind as in _NAMES, then by round."""
    groups: dict[Group, list[Mapping[str, Any]]] = defaultdict(list)
    for point in points:
        groups[str(point["kind"]), int(point["round"])].append(point)
    order = list(_NAMES)
    return dict(sorted(groups.items(), key=lambda g: (order.index(g[0][0]) if g[0][0] in order else 9, g[0])))


def _series(groups: Mapping[Group, list[Mapping[str, Any]]], metric: str) -> dict[str, list[ChartPoint]]:
    series: dict[str, list[ChartPoint]] = defaultdict(list)
    for (kind, _), points in groups.items():
        values = _values(points, "test", metric)
        if values:
            left = 1 - sum(float(point["sparsity"]) for point in points) / len(points)
            mean = sum(values) / len(values)
            point = ChartPoint(left=max(left, 1e-4), mean=mean, low=min(values), high=max(values))
            series[_NAMES.get(kind, kind)].append(point)
    return {name: sorted(line, key=lambda p: -p.left) for name, line in series.items()}


def _table(groups: Mapping[Group, list[Mapping[str, Any]]]) -> Html:
    columns = (
        "network",
        "sparsity",
        "weights left",
        "seeds",
        "validation accuracy",
        "test accuracy",
        "95% interval",
        "test AUC",
        "95% interval of AUC",
    )
    rows: list[Sequence[Part]] = []
    for (kind, number), points in groups.items():
        sparsity = sum(float(point["sparsity"]) for point in points) / len(points)
        rows.append(
            (
                network_name(kind, number),
                f"{100 * sparsity:.2f} %",
                f"{points[0]['nonzero']:,}",
                len({point["seed"] for point in points}),
                _mean(points, "validation", "accuracy"),
                _mean(points, "test", "accuracy"),
                _interval(points, "accuracy"),
                _mean(points, "test", "auc"),
                _interval(points, "auc"),
            )
        )
    note = "Intervals: 95 % bootstrap over people on the test split, lowest and highest bound of all seeds."
    return join((table(columns, rows, numbers=columns[1:]), tag("p", note, class_="note")))


def _against(points: Sequence[Mapping[str, Any]]) -> Html:
    """IMP minus dense and minus each control, in pairs of one seed; nothing with a single seed."""
    found = [difference for difference in paired_differences(points) if difference.low is not None]
    if not found:
        note = (
            "One seed: no interval for IMP against a control. `edgedf train --seed 0 --seed 1 ...` gives one."
        )
        return tag("p", note, class_="note")
    columns = ("sparsity", "IMP minus", "metric", "seeds", "mean", "95% interval")
    rows = [
        (
            f"{100 * d.sparsity:.2f} %",
            "dense" if d.against == "dense" else _NAMES.get(d.against, d.against),
            "AUC" if d.metric == "auc" else d.metric,
            d.seeds,
            f"{d.mean:+.4f}",
            f"{d.low:+.4f} to {d.high:+.4f}",
        )
        for d in found
    ]
    note = "Test split, paired by seed, Student's t over the pairs. Above 0: the IMP ticket is ahead."
    return join((tag("p", note, class_="note"), table(columns, rows, numbers=("sparsity", *columns[3:]))))


def _values(points: Sequence[Mapping[str, Any]], split: str, metric: str) -> list[float]:
    found = (point["metrics"].get(split, {}).get(metric) for point in points)
    return [float(value) for value in found if value is not None]


def _mean(points: Sequence[Mapping[str, Any]], split: str, metric: str) -> str | None:
    values = _values(points, split, metric)
    return f"{sum(values) / len(values):.4f}" if values else None


def _interval(points: Sequence[Mapping[str, Any]], metric: str) -> str | None:
    low, high = (_values(points, "test", f"{metric}_{end}") for end in ("low", "high"))
    return f"{min(low):.4f} to {max(high):.4f}" if low and high else None


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(item)}" for key, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(_short(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
