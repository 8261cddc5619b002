"""Data for figures, and a check that a figure is readable."""

import itertools

import numpy as np

from dist_f1 import Counts

_LONG = "a class with a name of thirty "


def labels_of(classes, rows=3000, seed=0):
    """True and predicted ids; the accuracy falls from the first class to the last."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, classes, rows)
    is_correct = random.random(rows) < np.linspace(0.95, 0.3, classes)[y_true]
    return y_true, np.where(is_correct, y_true, random.integers(0, classes, rows))


def single_label(classes, weight=None, rows=3000):
    return Counts.from_labels(*labels_of(classes, rows), classes, weight, confusion=True)


def binary():
    return Counts.from_labels([0, 1, 1, 0, 1], [0, 1, 0, 1, 1], 1)


def scored(classes, rows=1500):
    """Targets and scores; thresholds at 1/200, 2/200... separate any two different scores."""
    random = np.random.default_rng(0)
    y_true = random.random((rows, classes)) < 0.3
    shift = y_true * np.linspace(0.4, 0.02, classes)
    y_score = np.clip(0.3 + 0.15 * random.normal(size=y_true.shape) + shift, 0.0, 0.99)
    return y_true.astype(int), (np.floor(200 * y_score) + 0.5) / 200


def names(classes, long=False):
    return [f"{_LONG if long else 'c'}{label}" for label in range(classes)]


def texts(axis):
    return [text.get_text() for text in axis.texts]


def assert_readable(figure):
    """Assert that nothing is cut off at the edges and that no tick labels overlap."""
    figure.draw_without_rendering()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.01
    assert drawn.y0 > -0.01
    assert drawn.x1 < width + 0.01
    assert drawn.y1 < height + 0.01
    assert max(width, height) < 20
    for axis in figure.axes:
        for labels, side in ((axis.get_xticklabels(), 0), (axis.get_yticklabels(), 1)):
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            spans = sorted((box.min[side], box.max[side]) for box in boxes)
            assert all(end <= start + 0.5 for (_, end), (start, _) in itertools.pairwise(spans))
