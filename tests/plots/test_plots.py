import itertools
import sys

import numpy as np
import pytest
import sklearn.metrics
from matplotlib import image
from matplotlib.figure import Figure

from dist_f1 import Counts, plots
from dist_f1.sweeps import Sweep

LONG = "a class with a name of thirty "


def labels_of(classes, rows=3000, seed=0):
    random = np.random.default_rng(seed)
    y_true = random.integers(0, classes, rows)
    right = random.random(rows) < np.linspace(0.95, 0.3, classes)[y_true]
    return y_true, np.where(right, y_true, random.integers(0, classes, rows))


def single_label(classes, weight=None):
    return Counts.from_labels(*labels_of(classes), classes, weight, confusion=True)


def multilabel_targets(classes, rows=500):
    random = np.random.default_rng(0)
    y_true = random.random((rows, classes)) < 0.4
    wrong = random.random((rows, classes)) < np.linspace(0.05, 0.5, classes)
    return y_true.astype(int), (y_true ^ wrong).astype(int)


def binary():
    return Counts.from_labels([0, 1, 1, 0, 1], [0, 1, 0, 1, 1], 1)


def weights(scale):
    return scale * np.random.default_rng(0).random(3000)


def scored(classes, rows=1500):
    """Targets and scores, of which thresholds of 1/200, 2/200... tell every two apart."""
    random = np.random.default_rng(0)
    y_true = random.random((rows, classes)) < 0.3
    shift = y_true * np.linspace(0.4, 0.02, classes)
    y_score = np.clip(0.3 + 0.15 * random.normal(size=y_true.shape) + shift, 0.0, 0.99)
    return y_true.astype(int), (np.floor(200 * y_score) + 0.5) / 200


def names(classes, long=False):
    return [f"{LONG if long else 'c'}{label}" for label in range(classes)]


def assert_readable(figure):
    """Nothing is cut off at the edge, and tick labels do not run into each other."""
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


def texts(axis):
    return [text.get_text() for text in axis.texts]


# The confusion matrix


def test_the_shades_are_the_shares_of_the_true_class(tmp_path):
    y_true, y_pred = np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [0] * 10)
    counts = Counts.from_labels(y_true, y_pred, 2, confusion=True)
    plots.confusion_matrix(counts, ["a", "b"], tmp_path / "matrix.png")
    picture = image.imread(tmp_path / "matrix.png")[..., :3]
    blue = np.all(np.abs(picture - np.array([8, 48, 107]) / 255) < 0.01, axis=-1)
    white = np.all(np.abs(picture - np.array([247, 251, 255]) / 255) < 0.01, axis=-1)
    # Both true classes were predicted as the first: the left column is dark, the right one light.
    assert np.median(np.nonzero(blue)[1]) < np.median(np.nonzero(white)[1])
    assert blue.sum() == pytest.approx(white.sum(), rel=0.1)


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("weight", [None, 1e-3, 1e6])
@pytest.mark.parametrize("classes", [2, 10, 25, 100])
def test_a_matrix_is_readable_at_every_size(classes, weight, long):
    counts = single_label(classes, None if weight is None else weights(weight))
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


def test_tick_labels_are_thinned_where_even_small_ones_do_not_fit():
    figure = plots.confusion_matrix(Counts.from_labels([0], [0], 400, confusion=True))
    assert_readable(figure)
    shown = figure.axes[0].get_yticklabels()
    assert 20 < len(shown) < 400
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


def test_text_stands_out_from_its_cell():
    # The shares of the first column go from 0 to 1.
    y_true = np.repeat(np.arange(25), 48)
    y_pred = np.where(np.tile(np.arange(48), 25) < 2 * y_true, 0, 24)
    axis = plots.confusion_matrix(Counts.from_labels(y_true, y_pred, 25, confusion=True)).axes[0]
    colors = axis.images[0].to_rgba(axis.images[0].get_array())
    for text in axis.texts:
        column, row = map(int, text.get_position())
        light = 1.0 if text.get_color() == "white" else 0.0
        ratio = (luminance(colors[row, column]) + 0.05) / (light + 0.05)
        assert max(ratio, 1 / ratio) > 4.0


def luminance(color):
    """WCAG's relative luminance."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in color[:3]]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("classes", [2, 7, 10, 24])
@pytest.mark.parametrize("long", [False, True])
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


def test_of_many_multilabel_classes_the_worst_are_drawn():
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


def test_counts_without_a_matrix_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"keep no confusion matrix.*confusion=True"):
        plots.confusion_matrix(Counts.from_labels([0], [0], 3), "abc", tmp_path / "matrix.png")


# F1 of each class


def bars_by_label(axis):
    """Width of the bar of each label, from the top."""
    labels = [label.get_text() for label in axis.get_yticklabels()]
    bars = sorted(axis.patches, key=lambda bar: bar.get_y())
    assert axis.yaxis_inverted()
    return dict(zip(labels, [bar.get_width() for bar in bars], strict=True))


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("classes", [2, 10, 30, 100])
def test_bars_are_f1_with_support(classes, long):
    y_true, y_pred = labels_of(classes)
    ends = np.linspace(0.0, 0.5, classes), np.linspace(0.5, 1.0, classes)
    figure = plots.f1_bars(single_label(classes), names(classes, long), intervals=ends)
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
        np.stack(ends, axis=1)[list(order)],
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


def test_of_very_many_classes_the_worst_have_bars():
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
        (([0.1],), "must be a pair"),
        (([0.1, 0.2], [0.3, 0.4]), r"the 3 classes, got shapes \(2,\) and \(2,\)"),
        (([0.1, 0.9, 0.2], [0.3, 0.4, 0.4]), "class 1 is from 0.9 to 0.4"),
    ],
)
def test_intervals_that_are_none_are_refused(intervals, message):
    with pytest.raises(ValueError, match=message):
        plots.f1_bars(single_label(3), intervals=intervals)


# Precision and recall


def area(line):
    """The area under steps that go from right to left, each as high as its right end."""
    recall, precision = line.get_data()
    assert line.get_drawstyle() == "steps-post"
    return np.sum((recall[:-1] - recall[1:]) * precision[:-1])


def entries(figure):
    (legend,) = figure.legends
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    return {text.get_text(): lines[text.get_text()] for text in legend.get_texts()}


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_the_lines_enclose_the_average_precision(classes):
    y_true, y_score = scored(classes)
    sweep = Sweep.from_scores(
        *((y_true, y_score) if classes > 1 else (y_true[:, 0], y_score[:, 0]))
    )
    given = names(classes, True) if classes > 1 else ["no", "yes"]
    figure = plots.precision_recall(sweep, given)
    assert_readable(figure)
    assert len(entries(figure)) == classes
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    for label, (text, line) in enumerate(entries(figure).items()):
        expected = sklearn.metrics.average_precision_score(y_true[:, label], y_score[:, label])
        assert area(line) == pytest.approx(expected)
        # It meets the axis at recall 0, and does not run down along it.
        assert line.get_xdata()[-1] == 0.0
        assert line.get_ydata()[-1] == line.get_ydata()[-2]
        name, rest = text.split(": ")
        assert name == given[-1 if classes == 1 else label]
        assert rest.startswith(f"AP {expected:.3f}, F1 ")
        f1, threshold = map(float, rest.split("F1 ")[1].split(" at "))
        decided = y_score[:, label, np.newaxis] > np.arange(1, 201) / 200
        every = [sklearn.metrics.f1_score(y_true[:, label], column) for column in decided.T]
        assert f1 == pytest.approx(max(every), abs=5e-4)
        at_best = y_score[:, label] > threshold
        ((recall, precision),) = dots[label].get_xydata()
        assert recall == pytest.approx(sklearn.metrics.recall_score(y_true[:, label], at_best))
        assert precision == pytest.approx(
            sklearn.metrics.precision_score(y_true[:, label], at_best)
        )


def test_of_many_classes_the_extremes_and_the_mean_are_named():
    y_true, y_score = scored(100)
    y_true[:, 40] = 0
    figure = plots.precision_recall(Sweep.from_scores(y_true, y_score), names(100, True))
    assert_readable(figure)
    occur = [label for label in range(100) if label != 40]
    expected = sklearn.metrics.average_precision_score(
        y_true[:, occur], y_score[:, occur], average=None
    )
    ranked = [names(100, True)[occur[place]] for place in np.argsort(-expected, kind="stable")]
    others, mean, *named = entries(figure)
    assert [text.split(": ")[0] for text in named] == ranked[:3] + ranked[-3:]
    assert "93 classes" in others
    assert mean == f"mean of all 99 lines: AP {expected.mean():.3f}"
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


def test_without_rows_of_any_class_there_are_no_lines():
    figure = plots.precision_recall(Sweep.from_scores([0, 0], [0.1, 0.7]))
    assert not figure.legends
    assert_readable(figure)


# All of them


def draw_matrix(path=None, class_names=None):
    return plots.confusion_matrix(single_label(3), class_names, path)


def draw_bars(path=None, class_names=None):
    return plots.f1_bars(single_label(3), class_names, path)


def draw_curves(path=None, class_names=None):
    return plots.precision_recall(Sweep.from_scores(*scored(3, 50)), class_names, path)


every_picture = pytest.mark.parametrize("draw", [draw_matrix, draw_bars, draw_curves])


@every_picture
def test_the_suffix_names_the_format(draw, tmp_path):
    assert isinstance(draw(), Figure)
    assert isinstance(draw(str(tmp_path / "picture.png")), Figure)
    draw(tmp_path / "picture.svg")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "picture.svg").read_text()[:1000]


@every_picture
def test_pyplot_is_not_needed(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    draw()


@every_picture
def test_a_missing_matplotlib_is_named(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'dist-f1\[plot\]'"):
        draw()


@every_picture
def test_names_are_no_formulas_and_are_cut_off(draw):
    figure = draw(class_names=[r"$\frac{$", "two\nlines", "x" * 100])
    figure.draw_without_rendering()
    assert_readable(figure)


@every_picture
def test_a_wrong_number_of_names_is_refused(draw):
    with pytest.raises(ValueError, match="class_names has 2 names for 3 classes"):
        draw(class_names=["a", "b"])


@pytest.mark.parametrize("draw", [plots.confusion_matrix, plots.f1_bars])
def test_leading_axes_are_refused(draw):
    counts = Counts.from_labels([0, 1], [0, 1], 2, by=[0, 1], num_groups=2)
    with pytest.raises(ValueError, match=r"leading axes \(2,\).*overall"):
        draw(counts)
