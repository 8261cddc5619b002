"""Learning curves: loss and F1 after each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.results.style import grid, rounded, series_style, value_axis
from dist_f1.pages.sections import Cell, Chart, Group, Table

_SPLITS = {"train": "training", "validation": "validation"}
Records = Sequence[Mapping[str, object]]


def learning_curves(evaluation: Evaluation) -> list[Group]:
    """Return the loss and the F1 of each epoch, or `[]` without records of epochs."""
    f1 = f1_of_records(evaluation)
    curves = [
        (key, label, curves_by_split(evaluation.history, key))
        for key, label in (("loss", "Loss"), (f1, evaluation.f1_label))
    ]
    charts = [curves_chart(label, by_split) for key, label, by_split in curves if key and by_split]
    return [Group("Learning curves", charts)] if charts else []


def f1_of_records(evaluation: Evaluation) -> str:
    """Return the name of the F1 in the records: the one of the verdict if it is there."""
    keys = {key for record in evaluation.history for key in record}
    others = sorted(key for key in keys if key.startswith("f1"))
    return evaluation.f1_name if evaluation.f1_name in keys else (others or [""])[0]


def curves_by_split(history: Records, key: str) -> dict[str, dict[int, float]]:
    """Return the value after each epoch, by split."""
    curves: dict[str, dict[int, float]] = {}
    for record in history:
        value, epoch = record.get(key), record.get("epoch")
        if isinstance(value, int | float) and math.isfinite(value) and isinstance(epoch, int):
            split = str(record.get("split"))
            curves.setdefault(_SPLITS.get(split, split), {})[epoch] = float(value)
    return curves


def curves_chart(
    label: str,
    curves: Mapping[str, Mapping[int, float]],
    styles: Mapping[str, Mapping[str, object]] = {},
) -> Chart:
    """Return a chart of curves by name, with their `series_style` by name."""
    epochs = sorted({epoch for curve in curves.values() for epoch in curve})
    is_score = label != "Loss"
    series = [
        {
            "type": "line",
            "name": name,
            **styles.get(name, series_style(i)),
            "symbolSize": 7,
            "showSymbol": len(epochs) <= 30,
            "data": [rounded([curve[e]])[0] if e in curve else None for e in epochs],
        }
        for i, (name, curve) in enumerate(curves.items())
    ]
    option: dict[str, object] = {
        "grid": grid(),
        "legend": {"top": 0, "type": "scroll"},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category",
            "name": "epoch",
            "nameLocation": "middle",
            "nameGap": 28,
            "data": [str(epoch) for epoch in epochs],
        },
        "yAxis": value_axis(label.lower() if not is_score else label, scale=not is_score, min=0),
        "series": series,
    }
    rows: list[list[Cell]] = [
        [str(epoch), *(curve.get(epoch) for curve in curves.values())] for epoch in epochs
    ]
    ends = [f"{name} ends at {list(curve.values())[-1]:.3f}" for name, curve in curves.items()]
    return Chart(
        label,
        option,
        f"{label} after each of {len(epochs)} epochs: {'; '.join(ends)}.",
        table=Table("", ["epoch", *curves], rows),
        height=18.0,
    )
