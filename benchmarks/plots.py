"""Pictures of rows: overhead of a step, an update beside its floor, and scaling curves."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.records import Row
from dist_f1.plots import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vP"


def draw(rows: Sequence[Row], out: pathlib.Path) -> list[pathlib.Path]:
    """Draws what there are rows for into `out`; returns the files."""
    drawings: dict[str, Callable[[Sequence[Row]], Figure | None]] = {
        "overhead.png": overhead,
        "update.png": update,
        "scaling.png": scaling,
    }
    files = []
    for name, drawing in drawings.items():
        figure = drawing(rows)
        if figure is not None:
            figures.finish(figure, out / name)
            files.append(out / name)
    return files


def overhead(rows: Sequence[Row]) -> Figure | None:
    """What each variant adds to a training step, by replicas; a panel for each model."""
    found = [row for row in rows if row.suite == "per_step" and row.difference]
    if not found:
        return None
    titles = _unique(_model_in_workers(row) for row in found)
    figure, panels = _panels(titles, "added to a step, %", found)
    names = _unique(row.variant for row in found)
    for title, axes in zip(titles, panels, strict=True):
        shown = [row for row in found if _model_in_workers(row) == title]
        replicas = sorted({_replicas(row) for row in shown})
        for name in names:
            series = sorted((r for r in shown if r.variant == name), key=_replicas)
            if series:
                place = [replicas.index(_replicas(row)) for row in series]
                _points(axes, place, series, name, names, scale=lambda ratio: 100 * (ratio - 1))
        floors = [
            max((100.0 * _floor(row) for row in shown if _replicas(row) == number), default=0.0)
            for number in replicas
        ]
        _noise(axes, [-floor for floor in floors], floors, middle=0.0)
        axes.set_xticks(range(len(replicas)), [str(number) for number in replicas])
        axes.set_xlabel("replicas")
    return _with_legend(figure, panels)


def update(rows: Sequence[Row]) -> Figure | None:
    """An update of each variant as a multiple of its baseline; a panel for each kind of input."""
    found = [row for row in rows if row.suite == "update" and row.difference]
    if not found:
        return None
    kinds = _unique(_kind(row) for row in found)
    baseline = found[0].baseline or "baseline"
    figure, panels = _panels(kinds, f"times {baseline}", found)
    names = _unique(row.variant for row in found)
    for kind, axes in zip(kinds, panels, strict=True):
        shown = [row for row in found if _kind(row) == kind]
        sizes = _unique(_size(row) for row in shown)
        for name in names:
            series = [row for row in shown if row.variant == name]
            if series:
                place = [sizes.index(_size(row)) for row in series]
                _points(axes, place, series, name, names, line="")
        floors = [
            max((_floor(row) for row in shown if _size(row) == size), default=0.0) for size in sizes
        ]
        _noise(axes, [1 / (1 + floor) for floor in floors], [1 + f for f in floors], middle=1.0)
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xticks(range(len(sizes)), sizes, rotation=30, ha="right", fontsize=8)
        axes.set_xlabel("rows x classes")
    return _with_legend(figure, panels)


def scaling(rows: Sequence[Row]) -> Figure | None:
    """What models predict by replicas; what was measured of an all-reduce are points of its own."""
    predicted = [r for r in rows if r.suite == "scaling" and "predicted_ms" in r.values]
    if not predicted:
        return None
    kinds = _unique(_predicted(row) for row in predicted)
    figure, panels = _panels(kinds, "ms", predicted)
    measured = [row for row in rows if row.variant == "all_reduce" and row.difference]
    names = _unique(_model(row) for row in predicted)
    for kind, axes in zip(kinds, panels, strict=True):
        shown = [row for row in predicted if _predicted(row) == kind]
        for i, name in enumerate(names):
            series = sorted((r for r in shown if _model(r) == name), key=_replicas)
            axes.plot(
                [_replicas(row) for row in series],
                [row.values["predicted_ms"] for row in series],
                label=name,
                **_style(i) | {"linestyle": "--"},
            )
        sizes = {row.case.get("bytes") for row in shown if row.case.get("predicted") == "a read"}
        same = [row for row in measured if row.case.get("bytes") in sizes]
        if same:
            axes.plot(
                [_replicas(row) for row in same],
                [row.difference.median for row in same if row.difference],
                "k*",
                label="measured",
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("replicas")
    return _with_legend(figure, panels)


def _panels(titles: Sequence[str], label: str, rows: Sequence[Row]) -> tuple[Figure, list[Axes]]:
    columns = min(2, len(titles))
    lines = math.ceil(len(titles) / columns)
    figure = figures.new(5.0 * columns + 1.5, 3.6 * lines + 0.6)
    figure.suptitle("\n".join(_unique(str(r.case.get("device", "")) for r in rows)), fontsize=9)
    panels = [figure.add_subplot(lines, columns, i + 1) for i in range(len(titles))]
    for title, axes in zip(titles, panels, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    return figure, panels


def _points(
    axes: Axes,
    place: Sequence[int],
    rows: Sequence[Row],
    name: str,
    names: Sequence[str],
    *,
    scale: Callable[[float], float] = lambda ratio: ratio,
    line: str = "-",
) -> None:
    """Ratios with their intervals, beside those of other names and not on top of them."""
    i = names.index(name)
    shift = 0.5 * (i - (len(names) - 1) / 2) / len(names)
    found = [row.difference for row in rows if row.difference]
    middle, low, high = (
        [scale(value) for value in values]
        for values in zip(*((d.ratio, d.ratio_low, d.ratio_high) for d in found), strict=True)
    )
    below = [max(0.0, m - bound) for m, bound in zip(middle, low, strict=True)]
    above = [max(0.0, bound - m) for m, bound in zip(middle, high, strict=True)]
    style = _style(i) | {"linestyle": line}
    x = [at + shift for at in place]
    axes.errorbar(x, middle, yerr=[below, above], label=name, capsize=2, **style)


def _noise(axes: Axes, low: Sequence[float], high: Sequence[float], middle: float) -> None:
    """A grey bar behind each place, where nothing can be told from the baseline."""
    axes.axhline(middle, color=figures.GREY, linewidth=0.8)
    axes.use_sticky_edges = False
    height = [top - bottom for bottom, top in zip(low, high, strict=True)]
    style: dict[str, Any] = {
        "color": figures.GREY,
        "alpha": 0.2,
        "label": "noise (A/A)",
        "zorder": 0,
    }
    axes.bar(range(len(low)), height, 0.8, bottom=low, **style)


def _with_legend(figure: Figure, panels: Sequence[Axes]) -> Figure:
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8)
    return figure


def _style(i: int) -> dict[str, Any]:
    return {
        "color": figures.COLORS[i % len(figures.COLORS)],
        "marker": _MARKERS[i // len(figures.COLORS) % len(_MARKERS)],
        "markersize": 4,
        "linewidth": 1,
    }


def _replicas(row: Row) -> int:
    return int(row.case.get("replicas", 1))


def _floor(row: Row) -> float:
    return row.noise.ratio_floor if row.noise else 0.0


def _model_in_workers(row: Row) -> str:
    workers = int(row.case.get("workers", 1))
    model = str(row.case.get("model", ""))
    return model if workers == 1 else f"{model}, {workers} workers"


def _size(row: Row) -> str:
    return f"{row.case.get('rows', 0):,} x {row.case.get('classes', 0):,}"


def _kind(row: Row) -> str:
    return _rest(row, {"rows", "classes", "device"})


def _predicted(row: Row) -> str:
    return _rest(row, {"replicas", "device", "classes", "bytes"})


def _model(row: Row) -> str:
    return f"{row.variant}, {row.case.get('classes', 0):,} classes"


def _rest(row: Row, without: set[str]) -> str:
    found = {name: value for name, value in row.case.items() if name not in without}
    return ", ".join(
        name if value is True else f"{name} {value}"
        for name, value in found.items()
        if value is not False
    )


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
