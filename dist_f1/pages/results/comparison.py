"""The sections of a page that compares several evaluations, e.g. runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dist_f1.pages.results.evaluation import Evaluation, format_score
from dist_f1.pages.results.learning_curves import curves_by_split, curves_chart, f1_of_records
from dist_f1.pages.results.precision_recall import (
    MEAN,
    best_point,
    class_curve,
    curve_series,
    curves_option,
    mean_curve,
)
from dist_f1.pages.results.run_settings import HIDDEN
from dist_f1.pages.results.style import series_style, unique
from dist_f1.pages.results.verdict import commonest_confusion, f1_fact, worst_class
from dist_f1.pages.sections import Cell, Chart, Fact, Facts, Group, Section, Table
from dist_f1.sweeps.curves import sweep_curves

# Each run adds the curves of so many classes, of which readers choose.
_MAX_CURVES = 20


def comparison_sections(evaluations: Sequence[Evaluation]) -> list[Section]:
    """Return verdicts, learning curves, F1 by class and precision-recall curves of all.

    Raises:
        ValueError: There are fewer than two evaluations.
    """
    if len(evaluations) < 2:
        raise ValueError(f"Pass at least two runs to compare, got {len(evaluations)}.")
    titles = unique([evaluation.title for evaluation in evaluations])
    named = [e._replace(title=title) for e, title in zip(evaluations, titles, strict=True)]
    return [
        _verdicts(named),
        *_learning_curves(named),
        _f1_by_class(named),
        *_precision_recall(named),
        *_settings(named),
    ]


def _verdicts(evaluations: Sequence[Evaluation]) -> Facts:
    facts = []
    for evaluation in evaluations:
        f1, worst = f1_fact(evaluation), worst_class(evaluation)
        pair = commonest_confusion(evaluation)
        sentences = [f"{f1.label}. {f1.sentence}"]
        if worst is not None:
            sentences.append(f"{worst.label}: {worst.value}. {worst.sentence}")
        if pair is not None:
            sentences.append(f"{pair.label}: {pair.value}. {pair.sentence}")
        sentences.append(f"Rows not counted: {int(evaluation.counts.invalid):,}.")
        facts.append(Fact(evaluation.title, f1.value, "\n".join(sentences)))
    return Facts("Verdict", facts)


def _learning_curves(evaluations: Sequence[Evaluation]) -> list[Group]:
    charts = []
    for label in ("Loss", evaluations[0].f1_label):
        curves, styles = {}, {}
        for split, line in (("validation", "solid"), ("training", "dotted")):
            for i, evaluation in enumerate(evaluations):
                key = "loss" if label == "Loss" else f1_of_records(evaluation)
                found = curves_by_split(evaluation.history, key)
                if split in found:
                    name = f"{evaluation.title}, {split}"
                    curves[name], styles[name] = found[split], series_style(i, line)
        if curves:
            charts.append(curves_chart(label, curves, styles))
    return [Group("Learning curves", charts)] if charts else []


def _f1_by_class(evaluations: Sequence[Evaluation]) -> Table:
    """Return F1 of each class by run, and its differences from the first run."""
    f1 = [dict(zip(unique(e.names), e.f1_per_class().tolist(), strict=True)) for e in evaluations]
    names = list(dict.fromkeys(name for by_name in f1 for name in by_name))
    first, *others = [evaluation.title for evaluation in evaluations]
    rows = [_row(name, [by_name.get(name, np.nan) for by_name in f1]) for name in names]
    rows.sort(key=lambda row: _largest_loss(row, len(others)))
    overall = [float(e.f1()["value"] or 0.0) for e in evaluations]
    last = _row(evaluations[0].f1_label, overall)
    return Table(
        "F1 by class",
        ["class", first, *others, *(f"difference, {title}" for title in others)],
        rows,
        f"A difference is the F1 of a run minus that of {first}. The largest loss comes first.",
        [last],
        (first, *others),
        is_sortable=True,
    )


def _row(name: str, values: list[float]) -> list[Cell]:
    cells: list[Cell] = [format_score(value) for value in values]
    changes = [value - values[0] for value in values[1:]]
    signed: list[Cell] = [f"{change:+.4f}" if np.isfinite(change) else "" for change in changes]
    return [name, *cells, *signed]


def _largest_loss(row: list[Cell], differences: int) -> float:
    """Return the lowest of the differences, which are last; infinity without any."""
    return min((float(cell) for cell in row[-differences:] if cell), default=np.inf)


def _precision_recall(evaluations: Sequence[Evaluation]) -> list[Chart]:
    """Return the mean curve of each run, and those of its worst classes to choose from."""
    swept = [
        (evaluation.title, unique(evaluation.swept_names), sweep_curves(evaluation.sweep))
        for evaluation in evaluations
        if evaluation.sweep is not None
    ]
    series: list[dict[str, object]] = []
    shown = []
    for title, names, curves in swept:
        if len(curves.occurring):
            which = MEAN if len(names) > 1 else names[0]
            area = np.mean(curves.average_precision[curves.occurring])
            shown.append(f"{title}: {which} (AP {area:.3f})")
            series.append(curve_series(shown[-1], mean_curve(curves), len(series)))
    for title, names, curves in swept:
        if len(names) == 1:
            continue
        for k in sorted(curves.worst_first[:_MAX_CURVES].tolist()):
            name = f"{title}: {names[k]} (AP {curves.average_precision[k]:.3f})"
            points = class_curve(curves, k)
            series.append(curve_series(name, points, len(series), best_point(curves, k)))
    if not series:
        return []
    return [
        Chart(
            "Precision and recall",
            curves_option(series),
            f"Precision against recall at all thresholds: {'; '.join(shown)}.",
            "Thin lines connect equal F1. Further curves: for each run, the "
            f"{_MAX_CURVES} classes with the lowest average precision.",
            shown=shown,
            height=32.0,
        )
    ]


def _settings(evaluations: Sequence[Evaluation]) -> list[Table]:
    """Return the settings and versions that differ between runs."""
    # Settings such as `replicas` are part of the environment too.
    values = [
        {k: v for k, v in e.settings.items() if k not in HIDDEN} | dict(e.versions)
        for e in evaluations
    ]
    keys = sorted({key for by_key in values for key in by_key})
    rows: list[list[Cell]] = [
        [key, *(str(by_key.get(key, "")) for by_key in values)]
        for key in keys
        if len({str(by_key.get(key, "")) for by_key in values}) > 1
    ]
    titles = [evaluation.title for evaluation in evaluations]
    caption = "Only settings and versions that differ."
    return [Table("Settings", ["", *titles], rows, caption)] if rows else []
