"""Charts of records: overhead of a step, updates relative to their baseline, and scaling.

Titles state the largest figure of each variant. A panel in which no variant differs from the
baseline by more than the noise is left out, and so is a chart without panels.
"""

from __future__ import annotations

import itertools
import math
import pathlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.records import Record
from benchmarks.tables import group_by
from dist_f1.plots import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(records: Sequence[Record], out: pathlib.Path) -> list[pathlib.Path]:
    """Draw the charts for which there are records into `out`, and return the files."""
    files = []
    for chart in (overhead, update, inputs, scaling):
        figure = chart(records)
        if figure is not None:
            files.append(out / f"{chart.__name__}.png")
            figures.finish(figure, files[-1])
    return files


def overhead(records: Sequence[Record]) -> Figure | None:
    """Plot what each variant adds to a training step, by replicas; a panel for each model."""

    def panel(record: Record) -> str:
        workers, model = record.case.get("workers", 1), str(record.case.get("model", ""))
        return model if workers == 1 else f"{model}, {workers} workers"

    found = [x for x in records if x.suite == "per_step" and "model" in x.case and x.difference]
    panels = group_by(sorted(found, key=_replicas), panel)
    axis_labels = ("replicas", "added to a step, %")
    return _draw_ratios(panels, _replicas, axis_labels, is_percent=True)


def update(records: Sequence[Record]) -> Figure | None:
    """Plot an update of each library relative to its baseline; a panel for each kind of input."""
    return _draw_updates([x for x in records if not _has_other_input(x)])


def inputs(records: Sequence[Record]) -> Figure | None:
    """Plot updates of our metrics with weights, masks and other inputs relative to the baseline."""
    return _draw_updates([x for x in records if _has_other_input(x)])


def scaling(records: Sequence[Record]) -> Figure | None:
    """Plot predictions by replicas as lines, and measured all-reduces as points."""

    def line_name(record: Record) -> str:
        return f"{record.variant}, {record.case.get('classes', 0):,} classes"

    predicted = [x for x in records if x.suite == "scaling" and "predicted_ms" in x.values]
    measured = [x for x in records if x.variant == "all_reduce" and x.difference]
    names = list(group_by(predicted, line_name))
    left_out = {"replicas", "device", "classes", "bytes"}
    groups = group_by(predicted, lambda x: _describe_case(x, left_out))
    if not groups:
        return None
    figure, panels = _panels(
        groups, "ms", "Time of an all-reduce by replicas: predicted by a model"
    )
    for shown, axes in zip(groups.values(), panels, strict=True):
        for name, series in group_by(sorted(shown, key=_replicas), line_name).items():
            ms = [record.values["predicted_ms"] for record in series]
            style = _style(names.index(name)) | {"linestyle": "--", "label": name}
            axes.plot([_replicas(record) for record in series], ms, **style)
        sizes = {x.case.get("bytes") for x in shown if x.case.get("predicted") == "a read"}
        same = [x for x in measured if x.case.get("bytes") in sizes]
        if same:
            ms = [x.difference.median for x in same if x.difference]
            axes.plot([_replicas(x) for x in same], ms, "k*", label="measured")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("replicas")
    return _with_legend(figure, panels)


def _has_other_input(record: Record) -> bool:
    return ", " in record.variant or record.variant.startswith("Scores")


def _draw_updates(records: Sequence[Record]) -> Figure | None:
    def size(record: Record) -> str:
        rows = record.case.get("shape") or f"{record.case.get('rows', 0):,}"
        return f"{rows} x {record.case.get('classes', 0):,}"

    found = [x for x in records if x.suite == "update" and x.difference]
    panels = group_by(found, lambda x: _describe_case(x, {"rows", "classes", "device", "shape"}))
    label = f"times {found[0].baseline}" if found else ""
    return _draw_ratios(panels, size, ("rows x classes", label), is_percent=False)


def _draw_ratios(
    groups: Mapping[str, Sequence[Record]],
    position: Callable[[Record], Any],
    axis_labels: tuple[str, str],
    *,
    is_percent: bool,
) -> Figure | None:
    """Draw ratios with their intervals and the noise, in percent or on a logarithmic axis."""
    groups = {title: shown for title, shown in groups.items() if any(map(_exceeds_noise, shown))}
    if not groups:
        return None
    names = list(dict.fromkeys(x.variant for group in groups.values() for x in group))
    x_label, y_label = axis_labels
    figure, panels = _panels(groups, y_label, _title_of_ratios(groups, y_label, is_percent))
    for shown, axes in zip(groups.values(), panels, strict=True):
        ticks = list(group_by(shown, position))
        noise = np.zeros(len(ticks))
        for record in shown:
            i = ticks.index(position(record))
            noise[i] = max(noise[i], record.noise.ratio_floor if record.noise else 0.0)
        bounds = np.array([1 - noise if is_percent else 1 / (1 + noise), 1 + noise])
        bounds = 100 * (bounds - 1) if is_percent else bounds
        axes.axhline(0.0 if is_percent else 1.0, color=figures.GREY, linewidth=0.8)
        axes.use_sticky_edges = False
        grey: dict[str, Any] = {"color": figures.GREY, "alpha": 0.2, "zorder": 0}
        height = bounds[1] - bounds[0]
        axes.bar(range(len(ticks)), height, 0.8, bounds[0], label="noise (A/A)", **grey)

        for name, series in group_by(shown, lambda x: x.variant).items():
            # Variants stand side by side, so that their intervals do not overlap.
            i = names.index(name)
            shift = 0.5 * (i - (len(names) - 1) / 2) / len(names)
            found = [x.difference for x in series if x.difference]
            ratios = np.array([(d.ratio_low, d.ratio, d.ratio_high) for d in found]).T
            low, middle, high = 100 * (ratios - 1) if is_percent else ratios
            style = _style(i) | ({} if is_percent else {"linestyle": ""})
            axes.errorbar(
                [ticks.index(position(x)) + shift for x in series],
                middle,
                yerr=np.maximum([middle - low, high - middle], 0.0),
                label=name,
                capsize=2,
                **style,
            )
        axes.set_xlabel(x_label)
        axes.set_xticks(range(len(ticks)), [str(tick) for tick in ticks])
        if not is_percent:
            axes.tick_params(axis="x", rotation=30, labelsize=8)
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter("{x:g}")
    return _with_legend(figure, panels)


def _exceeds_noise(record: Record) -> bool:
    return record.difference is not None and record.difference.verdict(record.noise) != "same"


def _title_of_ratios(groups: Mapping[str, Sequence[Record]], label: str, is_percent: bool) -> str:
    """Return a title with the largest ratio of each variant."""
    largest: dict[str, float] = {}
    for record in itertools.chain(*groups.values()):
        if record.difference:
            ratio = record.difference.ratio
            largest[record.variant] = max(largest.get(record.variant, ratio), ratio)
    shown = [
        f"{name} {f'{100 * (x - 1):+.0f}%' if is_percent else f'{x:.2g}'}"
        for name, x in sorted(largest.items(), key=lambda item: item[1])
    ]
    return f"Largest, {label.removesuffix(', %')}: {', '.join(shown)}"


def _panels(
    groups: Mapping[str, Sequence[Record]], label: str, title: str
) -> tuple[Figure, Sequence[Axes]]:
    columns = min(2, len(groups))
    lines = math.ceil(len(groups) / columns)
    figure = figures.new_figure(5.0 * columns + 1.5, 3.6 * lines + 0.6)
    devices = {str(x.case.get("device", "")): None for group in groups.values() for x in group}
    lines_of_title = textwrap.wrap(title, 55 * columns)
    figure.suptitle("\n".join([*lines_of_title, *devices]), fontsize=9)
    panels = []
    for i, name in enumerate(groups):
        panels.append(figure.add_subplot(lines, columns, i + 1))
        panels[-1].set_title(name, fontsize=10)
        panels[-1].set_ylabel(label)
        panels[-1].grid(alpha=0.3)
    return figure, panels


def _with_legend(figure: Figure, panels: Sequence[Axes]) -> Figure:
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right center", fontsize=8)
    return figure


def _style(i: int) -> dict[str, Any]:
    return {
        "color": figures.COLORS[i % len(figures.COLORS)],
        "marker": figures.MARKERS[i % len(figures.MARKERS)],
        "markersize": 4,
        "linewidth": 1,
    }


def _replicas(record: Record) -> int:
    return int(record.case.get("replicas", 1))


def _describe_case(record: Record, without: set[str]) -> str:
    return ", ".join(
        name if value is True else f"{name} {value}"
        for name, value in record.case.items()
        if value is not False and name not in without
    )
