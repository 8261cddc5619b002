"""Pictures of rows."""

from benchmarks import plots
from benchmarks.records import Row
from benchmarks.samples import Samples, difference

BASE, OTHER = Samples((1.0, 2.0, 3.0)), Samples((2.0, 3.0, 4.0))
COMPARED = {"timed": OTHER, "baseline": "base", "difference": difference(BASE, OTHER)}


def test_pictures_are_drawn_of_what_there_is(tmp_path):
    noise = difference(BASE, Samples((1.25, 2.25, 3.25)))
    rows = [
        Row(
            "per_step", {"model": model, "replicas": r, "workers": w}, name, **COMPARED, noise=noise
        )
        for model in ("mlp", "cnn")
        for r, w in ((2, 1), (4, 1), (2, 2))
        for name in ("F1Score", "keras F1Score")
    ]
    assert [path.name for path in plots.draw(rows, tmp_path)] == ["overhead.png"]
    assert plots.draw([], tmp_path) == []
    figure = plots.overhead(rows)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["mlp", "mlp, 2 workers", "cnn", "cnn, 2 workers"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["2", "4"]


def test_updates_are_drawn_by_size_and_kind():
    rows = [
        Row(
            "update", {"task": task, "rows": n, "classes": c, "weighted": weighted}, "x", **COMPARED
        )
        for task, weighted in (("argmax", False), ("argmax", True), ("ids", False))
        for n, c in ((1024, 10), (64, 100))
    ]
    figure = plots.update(rows)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["task argmax", "task argmax, weighted", "task ids"]
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1,024 x 10", "64 x 100"]


def test_predictions_are_lines_and_measurements_points():
    rows = [
        Row(
            "scaling",
            {"predicted": "a read", "workers": 1, "replicas": r, "classes": 10, "bytes": 256},
            "ring (model)",
            values={"model": True, "predicted_ms": float(r)},
        )
        for r in (2, 1024)
    ]
    rows.append(Row("read", {"replicas": 2, "bytes": 256}, "all_reduce", **COMPARED))
    (axes,) = plots.scaling(rows).axes
    line, points = axes.lines
    assert line.get_xydata().tolist() == [[2.0, 2.0], [1024.0, 1024.0]]
    assert points.get_xydata().tolist() == [[2.0, COMPARED["difference"].median]]
    assert points.get_label() == "measured"
