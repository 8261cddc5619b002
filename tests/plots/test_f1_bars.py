"""The bars are scikit-learn's F1 of each class."""

import numpy as np
import pytest
import sklearn.metrics
from figure_checks import assert_readable, binary, labels_of, names, single_label, texts
from tiers import slow_except

from dist_f1 import Counts, plots


def bars_by_label(axis):
    """Return the width of the bar of each label, from the top."""
    labels = [label.get_text() for label in axis.get_yticklabels()]
    bars = sorted(axis.patches, key=lambda bar: bar.get_y())
    assert axis.yaxis_inverted()
    return dict(zip(labels, [bar.get_width() for bar in bars], strict=True))


@pytest.mark.parametrize("long", slow_except([False, True], True))
@pytest.mark.parametrize("classes", slow_except([2, 10, 30, 31, 100], 2, 31))
def test_bars_are_f1_with_support(classes, long):
    y_true, y_pred = labels_of(classes)
    bounds = np.linspace(0.0, 0.5, classes), np.linspace(0.5, 1.0, classes)
    figure = plots.f1_bars(single_label(classes), names(classes, long), intervals=bounds)
    assert_readable(figure)
    axis = figure.axes[0]
    f1 = sklearn.metrics.f1_score(y_true, y_pred, average=None)
    order = range(classes) if classes <= 30 else np.argsort(-f1, kind="stable")
    support = np.bincount(y_true, minlength=classes)
    expected = {f"{names(classes, long)[label]} ({support[label]})": f1[label] for label in order}
    assert bars_by_label(axis) == pytest.approx(expected)
    assert list(bars_by_label(axis)) == list(expected)
    assert texts(axis) == [f"{f1[label]:.2f}" for label in order]
    whiskers = axis.collections[0].get_segments()
    np.testing.assert_allclose(
        [[start[0], stop[0]] for start, stop in whiskers],
        np.stack(bounds, axis=1)[list(order)],
        atol=1e-12,
    )


def test_a_line_marks_macro_f1():
    y_true, y_pred = labels_of(5)
    axis = plots.f1_bars(Counts.from_labels(y_true, y_pred, 8)).axes[0]
    (line,) = axis.lines
    macro = sklearn.metrics.f1_score(y_true, y_pred, average="macro")
    assert line.get_xdata() == pytest.approx([macro, macro])
    assert f"{macro:.3f}" in axis.figure.get_suptitle()
    # Classes that neither occur nor are predicted have no F1.
    assert texts(axis)[5:] == ["no rows"] * 3


@pytest.mark.slow
def test_only_the_worst_of_very_many_classes_have_bars():
    y_true, y_pred = labels_of(300, 20000)
    figure = plots.f1_bars(Counts.from_labels(y_true, y_pred, 300))
    assert_readable(figure)
    worst = np.sort(sklearn.metrics.f1_score(y_true, y_pred, average=None))[:120]
    assert list(bars_by_label(figure.axes[0]).values()) == pytest.approx(worst[::-1].tolist())
    assert "120 of 300 classes" in figure.get_suptitle()


def test_weighted_supports_are_short():
    counts = Counts.from_labels([0, 1, 2], [0, 1, 1], 3, [1 / 3, 123456.7, 2.5])
    assert list(bars_by_label(plots.f1_bars(counts).axes[0])) == [
        "0 (0.333)",
        "1 (123k)",
        "2 (2.5)",
    ]


def test_binary_counts_have_the_bar_of_the_positive_class():
    assert bars_by_label(plots.f1_bars(binary(), ["no", "yes"]).axes[0]) == {
        "yes (3)": pytest.approx(2 / 3)
    }
    assert len(bars_by_label(plots.f1_bars(binary().to_two_class()).axes[0])) == 2


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        (([0.1],), "intervals has 1 elements; pass a pair"),
        (([0.1, 0.2], [0.3, 0.4]), r"shapes \(2,\) and \(2,\); .* the 3 classes"),
        (([0.1, 0.9, 0.2], [0.3, 0.4, 0.4]), "class 1 is from 0.9 to 0.4"),
    ],
)
def test_wrong_intervals_raise(intervals, message):
    with pytest.raises(ValueError, match=message):
        plots.f1_bars(single_label(3), intervals=intervals)
