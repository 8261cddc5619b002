"""Charts of records."""

from benchmarks import charts
from benchmarks.records import Record
from benchmarks.samples import Samples, difference

BASE, OTHER = Samples((1.0, 2.0, 3.0)), Samples((2.0, 3.0, 4.0))
COMPARED = {"timed": OTHER, "baseline": "base", "difference": difference(BASE, OTHER)}


def test_charts_are_drawn_only_of_suites_with_records(tmp_path):
    noise = difference(BASE, Samples((1.25, 2.25, 3.25)))
    records = [
        Record(
            "per_step", {"model": model, "replicas": r, "workers": w}, name, **COMPARED, noise=noise
        )
        for model in ("mlp", "cnn")
        for r, w in ((2, 1), (4, 1), (2, 2))
        for name in ("F1Score", "keras F1Score")
    ]
    assert [path.name for path in charts.draw(records, tmp_path)] == ["overhead.png"]
    assert charts.draw([], tmp_path) == []
    figure = charts.overhead(records)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["mlp", "mlp, 2 workers", "cnn", "cnn, 2 workers"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["2", "4"]


def test_updates_are_drawn_by_size_and_kind_of_input():
    records = [
        Record(
            "update", {"task": task, "rows": n, "classes": c, "weighted": weighted}, "x", **COMPARED
        )
        for task, weighted in (("argmax", False), ("argmax", True), ("ids", False))
        for n, c in ((1024, 10), (64, 100))
    ]
    figure = charts.update(records)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["task argmax", "task argmax, weighted", "task ids"]
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1,024 x 10", "64 x 100"]


def test_predictions_are_lines_and_measurements_are_points():
    records = [
        Record(
            "scaling",
            {"predicted": "a read", "workers": 1, "replicas": r, "classes": 10, "bytes": 256},
            "ring (model)",
            values={"model": True, "predicted_ms": float(r)},
        )
        for r in (2, 1024)
    ]
    records.append(Record("read", {"replicas": 2, "bytes": 256}, "all_reduce", **COMPARED))
    (axes,) = charts.scaling(records).axes
    line, points = axes.lines
    assert line.get_xydata().tolist() == [[2.0, 2.0], [1024.0, 1024.0]]
    assert points.get_xydata().tolist() == [[2.0, COMPARED["difference"].median]]
    assert points.get_label() == "measured"
