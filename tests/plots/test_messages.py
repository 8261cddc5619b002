"""Titles state the message of a figure, and no text is on a line or on another text."""

import itertools

import numpy as np
import pytest
from figure_checks import assert_readable, binary, names, scored, single_label

from dist_f1 import Counts, plots, scores
from dist_f1.sweeps import Sweep


def boxes_of(figure):
    """Return the boxes of all texts that are not tick labels."""
    figure.draw_without_rendering()
    axes = [text for axis in figure.axes for text in axis.texts]
    return [text.get_window_extent() for text in axes if text.get_text()]


def test_the_title_of_the_bars_names_the_lowest_f1():
    counts = single_label(8).numpy()
    f1 = scores.f1(counts)
    k = int(f1.argmin())
    title = plots.f1_bars(counts, names(8)).get_suptitle()
    assert title.startswith(f"F1 is lowest for 'c{k}': {f1[k]:.2f}\n")
    assert plots.f1_bars(binary(), ["no", "yes"]).get_suptitle() == "F1 of 'yes' is 0.67"


def test_the_title_of_the_matrix_names_the_commonest_confusion():
    counts = Counts.from_labels([0, 0, 0, 1, 2], [1, 1, 0, 1, 1], 3, confusion=True)
    title = plots.confusion_matrix(counts, ["ant", "bee", "cow"]).get_suptitle()
    assert "'ant' as 'bee' (67% of its rows)" in title.replace("\n", " ")
    perfect = Counts.from_labels([0, 1], [0, 1], 3, confusion=True)
    assert plots.confusion_matrix(perfect).get_suptitle().startswith("Every row was predicted")


def test_the_title_of_the_curves_names_the_lowest_average_precision():
    sweep = Sweep.from_scores(*scored(4))
    area = np.asarray(sweep.average_precision())
    k = int(area.argmin())
    title = plots.precision_recall(sweep, names(4)).get_suptitle().replace("\n", " ")
    assert title.startswith(f"Average precision is lowest for 'c{k}': {area[k]:.3f}")


def test_long_names_break_the_title():
    for classes in (2, 10):
        figure = plots.confusion_matrix(single_label(classes), ["x" * 40] * classes)
        assert_readable(figure)


def test_numbers_are_beside_the_bars_and_not_on_whiskers_or_lines():
    counts = single_label(12)
    bounds = np.linspace(0.0, 0.5, 12), np.linspace(0.9, 1.0, 12)
    figure = plots.f1_bars(counts, intervals=bounds)
    boxes = boxes_of(figure)
    right_end = figure.axes[0].get_window_extent().x1
    assert len(boxes) == 12
    assert all(box.x0 > right_end for box in boxes)


@pytest.mark.parametrize("draw", ["bars", "matrix", "curves"])
def test_no_text_is_on_another(draw):
    if draw == "bars":
        figure = plots.f1_bars(single_label(100))
    elif draw == "matrix":
        figure = plots.confusion_matrix(single_label(25), names(25, long=True))
    else:
        figure = plots.precision_recall(Sweep.from_scores(*scored(3)))
    for one, other in itertools.combinations(boxes_of(figure), 2):
        assert not one.padded(-0.5).overlaps(other.padded(-0.5))


@pytest.mark.parametrize("classes", [10, 30])
def test_curves_differ_in_colour_and_marker(classes):
    figure = plots.precision_recall(Sweep.from_scores(*scored(classes)))
    marked = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", None)]
    looks = [(line.get_color(), line.get_marker()) for line in marked]
    assert len(looks) == len(set(looks)) == (10 if classes == 10 else 6)


def test_axes_have_units():
    bars = plots.f1_bars(single_label(3)).axes[0]
    assert (bars.get_xlabel(), bars.get_ylabel()) == ("F1 (0 to 1)", "class (support in rows)")
    weighted = plots.f1_bars(single_label(3, np.full(3000, 0.5))).axes[0]
    assert weighted.get_ylabel() == "class (support in weight)"
    curves = plots.precision_recall(Sweep.from_scores(*scored(3))).axes[0]
    assert curves.get_xlabel() == "recall (fraction of the rows of the class)"
