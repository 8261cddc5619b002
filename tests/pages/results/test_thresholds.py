"""Curves and the threshold explorer hold the numbers of the sweep, and say what is left out."""

import numpy as np
import pytest
import sklearn.metrics

from dist_f1 import Counts, Sweep, scores
from dist_f1.pages.results import Evaluation
from dist_f1.pages.results.precision_recall import precision_recall
from dist_f1.pages.results.threshold_choice import threshold_choice


def evaluation(classes, rows=400, thresholds=200):
    random = np.random.default_rng(0)
    y_true = (random.random((rows, classes)) < 0.3).astype(int)
    y_score = np.clip(0.3 * y_true + 0.7 * random.random((rows, classes)), 0, 0.999)
    # Thresholds separate any two scores.
    y_score = (np.floor(200 * y_score) + 0.5) / 200
    names = ["no", "yes"] if classes == 1 else [f"c{k}" for k in range(classes)]
    counts = Counts.from_labels(y_true, (y_score > 0.5).astype(int), max(classes, 1))
    if classes == 1:
        y_true, y_score = y_true[:, 0], y_score[:, 0]
        counts = Counts.from_labels(y_true, (y_score > 0.5).astype(int), 1)
    sweep = Sweep.from_scores(y_true, y_score, thresholds)
    return Evaluation("", counts.numpy(), names, sweep), y_true, y_score


def curves(chart):
    return {s["name"]: s for s in chart.option["series"] if not s.get("silent")}


def area(points):
    """Return the area under steps whose right end is a point."""
    recall, precision = np.array(points)[:, 0], np.array(points)[:, 1]
    return float(np.sum(np.diff(recall) * precision[1:]))


def test_curves_enclose_the_average_precision():
    results, y_true, y_score = evaluation(4)
    (chart,) = precision_recall(results)
    found = curves(chart)
    expected = [
        sklearn.metrics.average_precision_score(y_true[:, k], y_score[:, k]) for k in range(4)
    ]
    assert list(found) == [
        f"mean of all classes (AP {np.mean(expected):.3f})",
        *(f"c{k} (AP {expected[k]:.3f})" for k in range(4)),
    ]
    for series, value in zip(found.values(), [np.mean(expected), *expected], strict=True):
        assert area(series["data"]) == pytest.approx(value, abs=0.01)
        assert series["step"] == "end"
    assert set(chart.shown) == set(found)


def test_marks_are_at_the_best_threshold():
    results, _, _ = evaluation(3)
    best = results.sweep.best()
    (chart,) = precision_recall(results)
    for k, series in enumerate(list(curves(chart).values())[1:]):
        recall, precision = series["markPoint"]["data"][0]["coord"]
        f1 = 2 * precision * recall / (precision + recall)
        assert f1 == pytest.approx(float(best.score[k]), abs=1e-3)


def test_the_one_curve_of_a_binary_task_needs_no_choice():
    (chart,) = precision_recall(evaluation(1)[0])
    assert [name.split(" (")[0] for name in curves(chart)] == ["yes"]
    assert chart.shown == ()


def test_of_many_classes_the_worst_have_curves_and_three_are_shown():
    results, _, _ = evaluation(70)
    (chart,) = precision_recall(results)
    values = np.asarray(results.sweep.average_precision())
    worst = np.argsort(values, kind="stable")
    names = [name.split(" (")[0] for name in curves(chart)]
    assert names == ["mean of all classes", *(f"c{k}" for k in worst[:50])]
    assert [name.split(" (")[0] for name in chart.shown] == names[:4]
    assert "Only the 50 of 70 classes" in chart.caption


def test_no_two_curves_look_alike():
    (chart,) = precision_recall(evaluation(70)[0])
    looks = [(str(s["lineStyle"]), s["symbol"]) for s in curves(chart).values()]
    assert len(set(looks)) == len(looks)


def test_the_explorer_has_the_counts_at_each_threshold():
    results, _, _ = evaluation(4)
    (section,) = threshold_choice(results)
    everything, *classes = section.classes
    counts = results.sweep.numpy().counts
    assert section.thresholds == pytest.approx(results.sweep.thresholds)
    for k, entry in enumerate(classes):
        assert entry.name == f"c{k}"
        assert entry.true_positive == counts.true_positive[:, k].tolist()
        assert entry.predicted == counts.predicted[:, k].tolist()
        assert (entry.actual, entry.total) == (counts.actual[0, k], counts.total[0])
        best = results.sweep.thresholds[entry.best]
        assert best == results.sweep.best().threshold[k]
    macro = scores.f1(counts, "macro")
    assert everything.averages[2] == pytest.approx(macro, abs=1e-4)
    assert everything.total == 4 * counts.total[0]


def test_of_many_classes_and_thresholds_some_are_left_out_and_the_page_says_so():
    results, _, _ = evaluation(120, 100, 1000)
    (section,) = threshold_choice(results)
    assert len(section.classes) == 101
    assert "Only the 100 of 120 classes with the lowest best F1" in section.caption
    assert 250 <= len(section.thresholds) <= 351
    assert f"{len(section.thresholds)} of 1,000 thresholds" in section.caption
    # The best thresholds are among them.
    best = np.asarray(results.sweep.best().score)
    for entry in section.classes[1:]:
        k = int(entry.name[1:])
        i = entry.best
        f1 = 2 * entry.true_positive[i] / (entry.actual + entry.predicted[i])
        assert f1 == pytest.approx(best[k])
    assert len(section.table.rows) == 120


def test_without_a_sweep_there_are_no_curves():
    counts = Counts.from_labels([0, 1], [0, 1], 2).numpy()
    assert precision_recall(Evaluation("", counts)) == []
    assert threshold_choice(Evaluation("", counts)) == []


def test_without_rows_of_any_class_there_is_no_curve():
    counts = Counts.from_labels([0, 0], [0, 1], 1).numpy()
    sweep = Sweep.from_scores([0, 0], [0.1, 0.7])
    assert precision_recall(Evaluation("", counts, ["no", "yes"], sweep)) == []
