"""The heatmap of a confusion matrix shows scikit-learn's numbers, and is readable at any size."""

import numpy as np
import pytest
import sklearn.metrics
from figure_checks import assert_readable, binary, labels_of, names, single_label, texts
from matplotlib import image
from tiers import slow_except

from dist_f1 import Counts, plots


def multilabel_targets(classes, rows=500):
    random = np.random.default_rng(0)
    y_true = random.random((rows, classes)) < 0.4
    is_wrong = random.random((rows, classes)) < np.linspace(0.05, 0.5, classes)
    return y_true.astype(int), (y_true ^ is_wrong).astype(int)


def test_shades_are_fractions_of_the_true_class(tmp_path):
    y_true, y_pred = np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [0] * 10)
    counts = Counts.from_labels(y_true, y_pred, 2, confusion=True)
    plots.confusion_matrix(counts, ["a", "b"], tmp_path / "matrix.png")
    pixels = image.imread(tmp_path / "matrix.png")[..., :3]
    blue = np.all(np.abs(pixels - np.array([8, 48, 107]) / 255) < 0.01, axis=-1)
    white = np.all(np.abs(pixels - np.array([247, 251, 255]) / 255) < 0.01, axis=-1)
    # Both true classes were predicted as the first: the left column is dark, the right one light.
    assert np.median(np.nonzero(blue)[1]) < np.median(np.nonzero(white)[1])
    assert blue.sum() == pytest.approx(white.sum(), rel=0.1)


@pytest.mark.parametrize("long", slow_except([False, True], True))
@pytest.mark.parametrize("weight", slow_except([None, 1e-3, 1e6], 1e-3))
@pytest.mark.parametrize("classes", slow_except([2, 10, 25, 100], 10))
def test_a_matrix_of_any_size_is_readable(classes, weight, long):
    weights = None if weight is None else weight * np.random.default_rng(0).random(3000)
    counts = single_label(classes, weights)
    figure = plots.confusion_matrix(counts, names(classes, long))
    assert_readable(figure)
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == names(classes, long)
    cells = np.count_nonzero(counts.numpy().confusion) if classes <= 25 else 0
    assert len(axis.texts) == cells
    assert len(figure.axes) == (1 if classes <= 25 else 2)
    for text in axis.texts:
        column, row = text.get_position()
        cell = axis.transData.transform([(column - 0.5, row + 0.5), (column + 0.5, row - 0.5)])
        box = text.get_window_extent()
        assert np.all(box.min >= cell[0])
        assert np.all(box.max <= cell[1])


@pytest.mark.parametrize("classes", [25, pytest.param(26, marks=pytest.mark.slow)])
def test_up_to_25_classes_cells_have_numbers(classes):
    counts = single_label(classes, rows=50)
    figure = plots.confusion_matrix(counts, names(classes, long=True))
    assert_readable(figure)
    cells = np.count_nonzero(counts.numpy().confusion)
    assert len(figure.axes[0].texts) == (cells if classes == 25 else 0)
    assert len(figure.axes) == (1 if classes == 25 else 2)


def test_tick_labels_are_thinned_if_even_small_ones_do_not_fit():
    figure = plots.confusion_matrix(Counts.from_labels([0], [0], 130, confusion=True))
    assert_readable(figure)
    shown = figure.axes[0].get_yticklabels()
    assert 20 < len(shown) < 130
    assert all(int(label.get_text()) == label.get_position()[1] for label in shown)


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_cells_are_counts_and_shades_are_normalized(normalize):
    y_true, y_pred = labels_of(4)
    counts = Counts.from_labels(y_true, y_pred, 4, confusion=True)
    axis = plots.confusion_matrix(counts, normalize=normalize).axes[0]
    shades = sklearn.metrics.confusion_matrix(y_true, y_pred, normalize=normalize)
    np.testing.assert_allclose(axis.images[0].get_array(), shades)
    for text in axis.texts:
        column, row = map(int, text.get_position())
        assert int(text.get_text()) == np.sum((y_true == row) & (y_pred == column))


def test_text_contrasts_with_its_cell():
    # The fractions in the first column go from 0 to 1.
    y_true = np.repeat(np.arange(25), 48)
    y_pred = np.where(np.tile(np.arange(48), 25) < 2 * y_true, 0, 24)
    axis = plots.confusion_matrix(Counts.from_labels(y_true, y_pred, 25, confusion=True)).axes[0]
    colors = axis.images[0].to_rgba(axis.images[0].get_array())
    for text in axis.texts:
        column, row = map(int, text.get_position())
        text_luminance = 1.0 if text.get_color() == "white" else 0.0
        ratio = (luminance(colors[row, column]) + 0.05) / (text_luminance + 0.05)
        assert max(ratio, 1 / ratio) > 4.0


def luminance(color):
    """Return WCAG's relative luminance."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in color[:3]]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("long", slow_except([False, True], True))
@pytest.mark.parametrize("classes", slow_except([2, 7, 10, 24], 2, 7))
def test_multilabel_counts_have_a_panel_for_each_class(classes, long):
    y_true, y_pred = multilabel_targets(classes)
    counts = Counts.from_labels(y_true, y_pred, classes)
    figure = plots.confusion_matrix(counts, names(classes, long))
    assert_readable(figure)
    panels = [axis for axis in figure.axes if axis.images]
    expected = sklearn.metrics.multilabel_confusion_matrix(y_true, y_pred, labels=range(classes))
    assert len(panels) == classes
    for panel, matrix in zip(panels, expected, strict=True):
        assert texts(panel) == [str(value) for value in matrix.ravel()]


@pytest.mark.slow
def test_only_the_worst_of_many_multilabel_classes_are_drawn():
    y_true, y_pred = multilabel_targets(100)
    y_true[:, 50] = y_pred[:, 50] = 0
    figure = plots.confusion_matrix(Counts.from_labels(y_true, y_pred, 100), names(100, True))
    assert_readable(figure)
    scores = sklearn.metrics.f1_score(y_true, y_pred, average=None, zero_division=np.nan)
    shown = [int(axis.get_title().split("\n")[0].split()[-1]) for axis in figure.axes]
    assert shown == np.argsort(scores, kind="stable")[:24].tolist()
    assert 50 not in shown
    assert "24 of 100 classes" in figure.get_suptitle()


def test_binary_counts_have_two_rows_in_the_matrix():
    axis = plots.confusion_matrix(binary(), ["no", "yes"]).axes[0]
    assert texts(axis) == ["1", "1", "1", "2"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["no", "yes"]


def test_counts_without_a_matrix_raise(tmp_path):
    with pytest.raises(ValueError, match=r"confusion matrix.*confusion=True"):
        plots.confusion_matrix(Counts.from_labels([0], [0], 3), "abc", tmp_path / "matrix.png")
