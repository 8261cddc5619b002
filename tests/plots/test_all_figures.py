"""Promises of every figure: formats, names, dependencies and errors."""

import sys

import pytest
from figure_checks import assert_readable, scored, single_label
from matplotlib.figure import Figure

from dist_f1 import Counts, plots
from dist_f1.sweeps import Sweep


def draw_matrix(path=None, class_names=None):
    return plots.confusion_matrix(single_label(3), class_names, path)


def draw_bars(path=None, class_names=None):
    return plots.f1_bars(single_label(3), class_names, path)


def draw_curves(path=None, class_names=None):
    return plots.precision_recall(Sweep.from_scores(*scored(3, 50)), class_names, path)


every_figure = pytest.mark.parametrize("draw", [draw_matrix, draw_bars, draw_curves])


@every_figure
def test_the_suffix_selects_the_format(draw, tmp_path):
    assert isinstance(draw(str(tmp_path / "figure.png")), Figure)
    draw(tmp_path / "figure.svg")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "figure.svg").read_text()[:1000]


@every_figure
def test_pyplot_is_not_needed(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    draw()


@every_figure
def test_without_matplotlib_the_error_names_the_extra(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'dist-f1\[plot\]'"):
        draw()


@every_figure
def test_names_are_not_formulas_and_are_cut_off(draw):
    figure = draw(class_names=[r"$\frac{$", "two\nlines", "x" * 100])
    figure.draw_without_rendering()
    assert_readable(figure)


@every_figure
def test_a_wrong_number_of_names_raises(draw):
    with pytest.raises(ValueError, match="class_names has 2 names for 3 classes"):
        draw(class_names=["a", "b"])


@pytest.mark.parametrize("draw", [plots.confusion_matrix, plots.f1_bars])
def test_counts_with_leading_axes_raise(draw):
    counts = Counts.from_labels([0, 1], [0, 1], 2, by=[0, 1], num_groups=2)
    with pytest.raises(ValueError, match=r"leading axes \(2,\).*overall"):
        draw(counts)
