"""The precision-recall curves enclose scikit-learn's average precision."""

import numpy as np
import pytest
import sklearn.metrics
from figure_checks import assert_readable, names, scored

from dist_f1 import plots
from dist_f1.sweeps import Sweep


def area(line):
    """Return the area under steps that go from right to left, each as high as its right end."""
    recall, precision = line.get_data()
    assert line.get_drawstyle() == "steps-post"
    return np.sum((recall[:-1] - recall[1:]) * precision[:-1])


def entries(figure):
    (legend,) = figure.legends
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    return {text.get_text(): lines[text.get_text()] for text in legend.get_texts()}


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_the_curves_enclose_the_average_precision(classes):
    y_true, y_score = scored(classes)
    sweep = Sweep.from_scores(
        *((y_true, y_score) if classes > 1 else (y_true[:, 0], y_score[:, 0]))
    )
    given = names(classes, True) if classes > 1 else ["no", "yes"]
    figure = plots.precision_recall(sweep, given)
    assert_readable(figure)
    assert len(entries(figure)) == classes
    for label, (text, line) in enumerate(entries(figure).items()):
        expected = sklearn.metrics.average_precision_score(y_true[:, label], y_score[:, label])
        assert area(line) == pytest.approx(expected)
        # The curve meets the axis at recall 0, and does not run down along it.
        assert line.get_xdata()[-1] == 0.0
        assert line.get_ydata()[-1] == line.get_ydata()[-2]
        name, rest = text.split(": ")
        assert name == given[-1 if classes == 1 else label]
        assert rest.startswith(f"AP {expected:.3f}, F1 ")
        f1, threshold = map(float, rest.split("F1 ")[1].split(" at "))
        true = y_true[:, [label]] == 1
        predicted = y_score[:, [label]] > np.arange(1, 201) / 200
        sizes = true.sum() + predicted.sum(axis=0)
        assert f1 == pytest.approx(np.max(2 * (true & predicted).sum(axis=0) / sizes), abs=5e-4)
        at_best = y_score[:, label] > threshold
        (marked,) = line.get_markevery()
        recall, precision = line.get_xydata()[marked]
        assert recall == pytest.approx(sklearn.metrics.recall_score(y_true[:, label], at_best))
        assert precision == pytest.approx(
            sklearn.metrics.precision_score(y_true[:, label], at_best)
        )


def test_of_many_classes_the_legend_names_the_extremes_and_the_mean():
    y_true, y_score = scored(100, 600)
    y_true[:, 40] = 0
    figure = plots.precision_recall(Sweep.from_scores(y_true, y_score), names(100, True))
    assert_readable(figure)
    occur = [label for label in range(100) if label != 40]
    expected = sklearn.metrics.average_precision_score(
        y_true[:, occur], y_score[:, occur], average=None
    )
    ranked = [names(100, True)[occur[i]] for i in np.argsort(-expected, kind="stable")]
    others, mean, *named = entries(figure)
    assert [text.split(": ")[0] for text in named] == ranked[:3] + ranked[-3:]
    assert "93 classes" in others
    assert mean == f"mean of all 99 curves: AP {expected.mean():.3f}"
    precision = entries(figure)[mean].get_ydata()
    assert np.mean(precision) == pytest.approx(expected.mean(), abs=0.005)
    steps = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert sorted(map(area, steps)) == pytest.approx(sorted(expected))


def test_weighted_scores_have_a_curve():
    y_true, y_score = scored(3)
    weight = np.random.default_rng(1).random(len(y_true))
    figure = plots.precision_recall(Sweep.from_scores(y_true, y_score, 200, weight))
    for label, line in enumerate(entries(figure).values()):
        expected = sklearn.metrics.average_precision_score(
            y_true[:, label], y_score[:, label], sample_weight=weight
        )
        assert area(line) == pytest.approx(expected)


def test_without_rows_of_any_class_there_are_no_curves():
    figure = plots.precision_recall(Sweep.from_scores([0, 0], [0.1, 0.7]))
    assert not figure.legends
    assert_readable(figure)
