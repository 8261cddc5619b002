"""Confusions are ranked, and heatmaps show those that matter, of any number of classes."""

import numpy as np
import pytest

from dist_f1 import Counts
from dist_f1.pages.results import Evaluation
from dist_f1.pages.results.class_order import clustered, most_confused
from dist_f1.pages.results.confusion_chart import confusion_chart
from dist_f1.pages.results.confusions import confusions, confusions_table


def evaluation(classes, rows=4000, seed=0):
    """Return an evaluation in which classes k and k + C / 2 are often confused."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, classes, rows)
    partner = (y_true + classes // 2) % classes
    y_pred = np.where(random.random(rows) < 0.7, y_true, partner)
    counts = Counts.from_labels(y_true, y_pred, classes, confusion=True)
    return Evaluation("", counts.numpy(), [f"c{k}" for k in range(classes)])


def test_confusions_are_ranked_by_rows():
    matrix = evaluation(6).counts.confusion
    found = confusions(evaluation(6).counts, 4)
    errors = matrix * ~np.eye(6, dtype=bool)
    assert [pair.rows for pair in found] == sorted(errors.ravel(), reverse=True)[:4]
    for pair in found:
        assert pair.rows == matrix[pair.true, pair.predicted]
        assert pair.actual == matrix[pair.true].sum()
        assert pair.predicted_rows == matrix[:, pair.predicted].sum()


def test_the_table_states_how_many_mistakes_it_shows():
    (table,) = confusions_table(evaluation(300, 30000))
    assert len(table.rows) == 100
    errors = np.asarray(evaluation(300, 30000).counts.confusion)
    np.fill_diagonal(errors := errors.copy(), 0)
    part = sum(int(row[2]) for row in table.rows) / errors.sum()
    assert f"These 100 pairs of classes are {part:.0%} of all {errors.sum():,}" in table.caption


def test_clustering_puts_confused_classes_next_to_each_other():
    order = clustered(np.asarray(evaluation(40).counts.confusion)).tolist()
    assert sorted(order) == list(range(40))
    for k in range(20):
        assert abs(order.index(k) - order.index(k + 20)) == 1


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(3) * 5, np.ones((1, 1))])
def test_clustering_without_confusions_keeps_all_classes(matrix):
    assert sorted(clustered(matrix).tolist()) == list(range(len(matrix)))


def test_the_most_confused_classes_are_those_of_the_commonest_pairs():
    matrix = np.eye(6) * 9
    matrix[4, 1], matrix[2, 0] = 5, 3
    assert most_confused(matrix, 2).tolist() == [1, 4]
    assert most_confused(matrix, 3).tolist() == [1, 4]
    assert most_confused(matrix, 6).tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(("classes", "shown"), [(2, 2), (10, 10), (100, 100), (300, 60)])
def test_the_heatmap_has_the_cells_of_the_matrix(classes, shown):
    results = evaluation(classes, 100 * classes)
    (chart,) = confusion_chart(results)
    names = chart.option["xAxis"]["data"]
    assert len(names) == shown
    assert ("Only the 60 of 300 classes" in chart.caption) == (classes == 300)
    matrix = np.asarray(results.counts.confusion)
    (series,) = chart.option["series"]
    drawn = {(int(names[y][1:]), int(names[x][1:])): rest for x, y, *rest in series["data"]}
    ids = [int(name[1:]) for name in names]
    assert len(drawn) == np.count_nonzero(matrix[np.ix_(ids, ids)])
    for (i, j), (rows, of_true, of_predicted) in drawn.items():
        assert rows == matrix[i, j]
        assert of_true == pytest.approx(rows / matrix[i].sum(), abs=1e-4)
        assert of_predicted == pytest.approx(rows / matrix[:, j].sum(), abs=1e-4)


def test_each_view_has_its_dimension_and_a_scale_on_which_mistakes_are_visible():
    (chart,) = confusion_chart(evaluation(40))
    assert [view.label for view in chart.views] == [
        "counts", "share of the true class", "share of the predicted class"
    ]  # fmt: skip
    cells = chart.option["series"][0]["data"]
    for dimension, view in enumerate(chart.views, start=2):
        scale = view.option["visualMap"]
        assert scale["dimension"] == dimension
        assert scale["max"] == max(c[dimension] for c in cells if c[0] != c[1])
        assert scale["text"][0].endswith(" or more")


def test_counts_without_a_matrix_have_no_chart():
    counts = Counts.from_labels([0, 1, 2], [0, 1, 1], 3).numpy()
    assert confusion_chart(Evaluation("", counts)) == []
    assert confusions_table(Evaluation("", counts)) == []
