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


def test_other_inputs_of_our_metrics_have_a_chart_of_their_own():
    records = [
        Record("update", {"task": "argmax", "rows": 64, "classes": 2}, name, **COMPARED)
        for name in ("F1Score", "F1Score, mask", "keras F1Score", "Scores (8)")
    ]
    for chart, names in (
        (charts.update, ["F1Score", "keras F1Score"]),
        (charts.inputs, ["F1Score, mask", "Scores (8)"]),
    ):
        (axes,) = chart(records).axes
        assert axes.get_legend_handles_labels()[1][1:] == names


def test_the_title_has_the_largest_ratio_and_panels_within_the_noise_are_left_out():
    slow = {**COMPARED, "difference": difference(BASE, Samples((8.0, 9.0, 10.0)))}
    same = {**COMPARED, "difference": difference(BASE, BASE)}

    def case(replicas, model):
        return {"model": model, "replicas": replicas}

    records = [
        Record("per_step", case(2, "mlp"), "F1Score", **COMPARED),
        Record("per_step", case(4, "mlp"), "F1Score", **slow),
        Record("per_step", case(2, "cnn"), "F1Score", **same),
    ]
    figure = charts.overhead(records)
    assert [axes.get_title() for axes in figure.axes] == ["mlp"]
    assert "added to a step: F1Score +350%" in figure.get_suptitle()
    assert charts.overhead(records[2:]) is None


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
