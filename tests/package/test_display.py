"""Values are short in the console, and small tables in notebooks, without TensorFlow or pandas."""

import html.parser
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import dist_f1
from dist_f1 import Counts, Sweep, confidence_interval
from dist_f1.counts import short_text


def labels(classes, rows=600):
    random = np.random.default_rng(0)
    return random.integers(0, classes, (2, rows))


def counts_of(classes, **options):
    return Counts.from_labels(*labels(classes), classes, **options)


def sweep_of(classes):
    scores = np.random.default_rng(1).random((600, classes))
    return Sweep.from_scores(labels(classes)[0], scores, 20)


def values(classes):
    """Return every kind of public value, eager and as NumPy arrays."""
    counts = counts_of(classes, confusion=classes < 10)
    groups = counts_of(classes, by=np.arange(600) % 4, num_groups=4)
    sweep = sweep_of(classes)
    interval = confidence_interval(counts, "recall_per_class")
    by_class, overall = sweep.best(), sweep.best("macro")
    some = [
        counts,
        groups,
        counts.as_float(),
        sweep,
        sweep.counts,
        sweep.curve(),
        by_class,
        overall,
    ]
    return [*some, counts.numpy(), groups.numpy(), sweep.numpy(), sweep.numpy().best(), interval]


@pytest.mark.parametrize("classes", [1, 3, 1000])
def test_reprs_are_one_line_of_at_most_200_characters(classes):
    for value in values(classes):
        text = repr(value)
        assert text.startswith(f"{type(value).__name__}(")
        assert "\n" not in text
        assert len(text) <= 200
        assert str(value) == text


def test_the_repr_of_few_classes_has_their_counts():
    counts = Counts.from_labels([0, 1, 2, 2], [0, 2, 2, 1], 3, confusion=True)
    text = (
        "Counts(3 classes, total=4, invalid=0, true_positive=[1 0 1], predicted=[1 1 2], "
        "actual=[1 1 2], confusion=int64[3, 3])"
    )
    assert repr(counts) == repr(counts.numpy()) == text
    sweep = Sweep.from_scores([0, 1, 1], [0.2, 0.4, 0.9], [0.1, 0.5])
    assert repr(sweep) == "Sweep(2 thresholds from 0.1 to 0.5, counts=Counts(1 class, total=3))"
    expected = "Best(threshold=0.1, score=0.8, counts=Counts(1 class, total=3))"
    assert repr(sweep.best("macro")) == expected
    interval = dist_f1.intervals.Interval(np.float64(0.25), np.float64(0.5))
    assert repr(interval) == "Interval(low=0.25, high=0.5)"


def test_large_counts_are_shown_exactly_or_by_their_shape():
    large = Counts(*[np.full(4, 2**62)] * 3, np.array(2**62), np.array(0))
    assert f"total={2**62}" in repr(large)
    assert len(repr(large)) <= 200
    assert "actual=int64[4]" in repr(large)


def test_symbolic_values_have_a_repr_and_no_table():
    shown = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)] * 2)
    def count(y_true, y_pred):
        counts = Counts.from_labels(y_true, y_pred, 3)
        sweep = Sweep(np.array([0.5]), counts.map(lambda x: x[tf.newaxis]))
        for value in (counts, sweep, sweep.best(), sweep.curve()):
            shown.append(repr(value))
            if hasattr(value, "_repr_html_"):
                assert value._repr_html_() is None
        return counts

    count(*labels(3))
    assert shown[0].startswith("Counts(3 classes, total=int64[], invalid=int64[], true_positive=")
    assert all(len(text) <= 200 and "\n" not in text for text in shown)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: None,
        lambda x: x.shape,
        lambda x: tf.TensorSpec(None, x.dtype),
        lambda x: tf.TensorSpec([None] * len(x.shape), x.dtype),
        lambda x: object(),
        lambda x: "text" * 100,
    ],
)
def test_structures_of_other_values_have_a_repr(convert):
    for value in (counts_of(3), sweep_of(3), sweep_of(3).best(), sweep_of(3).curve()):
        other = tf.nest.map_structure(convert, value)
        assert repr(other).startswith(type(value).__name__)
        if isinstance(value, Counts):
            assert other._repr_html_() is None


class Table(html.parser.HTMLParser):
    """The rows of a table, and the text outside of its cells."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.tag = [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tag = tag
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self.tag = None

    def handle_data(self, data):
        if self.tag in ("th", "td"):
            self.rows[-1].append(data)
        else:
            self.text += data


@pytest.mark.parametrize("as_numpy", [False, True])
def test_the_table_of_counts_has_the_totals_and_at_most_twenty_classes(as_numpy):
    for classes in (1, 3, 1000):
        counts = counts_of(classes)
        table = Table((counts.numpy() if as_numpy else counts)._repr_html_())
        header, *rows = table.rows
        assert header == ["class", "true positive", "predicted", "actual"]
        assert f"{short_text.plural(classes, 'class')}, 600 rows, 0 invalid" in table.text
        assert ("The first 20 of 1000 classes." in table.text) == (classes == 1000)
        shown = min(classes, 20)
        fields = [counts.true_positive, counts.predicted, counts.actual]
        expected = np.stack([x.numpy()[:shown] for x in fields], -1)
        np.testing.assert_array_equal(np.array(rows, np.int64)[:, 1:], expected)
        assert rows[0][0] == ("1" if classes == 1 else "0")


def test_groups_have_a_row_each():
    counts = counts_of(3, by=np.arange(600) % 4, num_groups=4)
    table = Table(counts._repr_html_())
    assert "3 classes, leading axes [4]" in table.text
    assert [row[:3] for row in table.rows[1:]] == [[str(k), "150", "0"] for k in range(4)]


@pytest.mark.parametrize("classes", [1, 3, 1000])
def test_the_tables_of_sweeps_and_intervals_have_at_most_twenty_classes(classes):
    sweep = sweep_of(classes).numpy()
    best = sweep.best()
    interval = confidence_interval(counts_of(classes), "recall_per_class")
    for value, column, numbers in (
        (sweep, 1, sweep.average_precision()),
        (sweep, 2, best.threshold),
        (best, 2, best.score),
        (sweep_of(classes).best(), 1, best.threshold),
        (interval, 2, interval.high),
    ):
        table = Table(value._repr_html_())
        cells = [float(row[column]) for row in table.rows[1:]]
        np.testing.assert_allclose(cells, numbers[:20], rtol=1e-5)
        assert ("The first 20 of 1000" in table.text) == (classes == 1000)
    scalar = Table(confidence_interval(counts_of(3), "accuracy")._repr_html_())
    assert scalar.rows[0] == ["low", "high"]
    assert Table(sweep.best("macro")._repr_html_()).rows[0][:2] == ["class", "threshold"]


def test_a_report_in_a_notebook_keeps_its_lines_and_escapes_names():
    counts = Counts.from_labels([0, 1], [0, 1], 2)
    text = dist_f1.report(counts, ["<b>cat</b>", "a & b"])
    assert text == str(text)
    assert "&lt;b&gt;cat&lt;/b&gt;" in text._repr_html_()
    assert "<b>" not in text._repr_html_()
    assert Table(text._repr_html_()).text == text


def test_sections_of_pages_show_their_size_and_tables_escape_the_names_of_classes():
    pages = dist_f1.pages
    names = [f"<i>{k}</i>" for k in range(1000)]
    table = pages.report_table("Classes", counts_of(1000), names)
    assert repr(table) == f"Table('Classes', 5 columns, {len(table.rows)} rows)"
    assert "<i>" not in table._repr_html_()
    shown = Table(table._repr_html_())
    assert [row[0] for row in shown.rows[1:]] == [row[0] for row in table.rows[:20]]
    assert f"The first 20 of {len(table.rows)} rows." in shown.text
    long = "word " * 1000
    sections = (
        pages.Text(long, long),
        pages.Preformatted(long, long),
        pages.Chart(long, {"series": [{"name": long}] * 1000}, long),
        pages.Facts(long, [pages.Fact(long, long, long)] * 1000),
        pages.Thresholds(long, [0.5] * 1000, [], long, table),
        table,
    )
    for section in (*sections, pages.Group(long, sections)):
        assert len(repr(section)) <= 200


def test_values_are_shown_without_tensorflow_and_pandas():
    code = """
import sys
import numpy as np
from dist_f1 import Counts, Sweep, confidence_interval, report
counts = Counts(*map(np.array, ([1, 2], [2, 3], [3, 2], 5, 0)), (), np.array([[1, 2], [1, 1]]))
sweep = Sweep(np.array([0.5]), counts.map(lambda x: x[np.newaxis])._replace(confusion=()))
interval = confidence_interval(counts, "accuracy")
for value in (counts, sweep, sweep.best(), interval, report(counts)):
    assert repr(value) and value._repr_html_()
print({"tensorflow", "pandas", "jinja2"} & set(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("set()\n", "")
