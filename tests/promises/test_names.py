"""Whatever the names of classes are, terminals and files for people get them without controls."""

import json
import re

import numpy as np
import pytest
import sklearn.metrics

import dist_f1
from dist_f1 import Counts, Sweep, pages, plots, report
from dist_f1.callbacks.trackers import contents
from dist_f1.pages.results import Evaluation, markdown_sections, report_sections

Y_TRUE, Y_PRED = [0, 1, 2, 2, 1, 0], [0, 2, 2, 2, 1, 1]
COUNTS = Counts.from_labels(Y_TRUE, Y_PRED, 3, confusion=True).numpy()
HOSTILE = [
    ["\x1b[2Ja", "b\nc", "\ud800"],
    ["</script>\x00", "<!--\u202e", "\x9b\u2028"],
    ["$x$\x00", r"$\frac", "\u2066\t\r"],
]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
every_hostile = pytest.mark.parametrize("names", HOSTILE)


@every_hostile
def test_a_report_and_a_table_have_a_line_for_each_class(names):
    for function in (report, pages.markdown):
        text = function(COUNTS, names)
        assert not _CONTROL.search(text)
        assert len(text.splitlines()) == len(function(COUNTS).splitlines())
        text.encode()


@every_hostile
def test_pages_have_no_control_characters(names):
    sweep = Sweep.from_scores(np.eye(3)[Y_TRUE], np.eye(3)[Y_PRED] * 0.8, 4)
    evaluation = Evaluation("run\x1b[1m\ud800", COUNTS, names, sweep)
    html = pages.html(evaluation.title, report_sections(evaluation))
    data = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert data
    assert not _CONTROL.search(re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL))
    for text in map(json.loads, data):
        assert not _CONTROL.search(json.dumps(text, ensure_ascii=False))
    pictures = dict.fromkeys(("confusion_matrix", "f1_per_class", "precision_recall"), "x.png")
    sections = markdown_sections(evaluation._replace(pictures=pictures))
    markdown = pages.markdown_page(evaluation.title, sections)
    assert not _CONTROL.search(markdown)
    (html + markdown).encode()


def test_names_that_look_alike_remain_different():
    names = ["a\nb", "a b", r"a\nb"]
    shown = [r"a\nb", "a b", r"a\\nb"]
    assert Evaluation("", COUNTS, names).names == shown
    table = pages.report_table("", COUNTS, names)
    assert [row[0] for row in table.rows[:3]] == shown


@every_hostile
def test_figures_show_names_literally(names, tmp_path):
    figure = plots.f1_bars(COUNTS, names, tmp_path / "bars.svg")
    plots.confusion_matrix(COUNTS, names, tmp_path / "matrix.png")
    assert not _CONTROL.search((tmp_path / "bars.svg").read_text().replace("\t", ""))
    labels = [label.get_text().replace(r"\$", "$") for label in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == 3
    assert not _CONTROL.search("".join(labels))


def test_a_broken_title_keeps_dollar_signs_literal():
    figure = plots.f1_bars(COUNTS, ["$" * 31, "$" * 30, "a" + "$" * 30])
    title = figure.get_suptitle()
    assert not re.search(r"(?<!\\)\$|\\(?!\$)", title)


@every_hostile
def test_log_entries_and_tags_have_no_control_characters(names):
    metric = dist_f1.Scores(["recall_per_class"], class_names=names, num_classes=3)
    metric.update_state(Y_TRUE, np.eye(3, dtype=np.float32)[Y_PRED])
    entries = [*metric.result(), *contents.scalars({"f1": np.zeros(3)}, {"f1": names})]
    assert len(set(entries)) == 6
    assert not any(_CONTROL.search(entry) for entry in entries)


@every_hostile
def test_a_dict_and_its_json_keep_the_names(names):
    as_dict = report(COUNTS, names, output_dict=True)
    assert list(as_dict)[:3] == names
    assert list(json.loads(json.dumps(as_dict)))[:3] == names


@pytest.mark.parametrize("taken", ["accuracy", "micro avg", "macro avg", "weighted avg"])
def test_a_dict_refuses_the_name_of_an_average_and_a_text_does_not(taken):
    names = ["a", taken, "c"]
    expected = sklearn.metrics.classification_report(Y_TRUE, Y_PRED, target_names=names)
    assert report(COUNTS, names) == expected
    with pytest.raises(ValueError, match=f"'{taken}' is also the name of an average. Rename"):
        report(COUNTS, names, output_dict=True)


def test_a_dict_refuses_a_name_twice():
    with pytest.raises(ValueError, match=r"Two classes have the name 'a'. Rename one"):
        report(COUNTS, ["a", "b", "a"], output_dict=True)


@pytest.mark.parametrize("source", ["argument", "metric", "evaluate_scores"])
def test_score_report_refuses_such_names_before_the_first_epoch(source, tmp_path):
    import tensorflow as tf

    names, x, y = ["a", "macro avg", "c"], np.eye(3, dtype=np.float32), np.arange(3)
    model = tf.keras.Sequential([tf.keras.Input([3]), tf.keras.layers.Dense(3)])
    of_metric = names if source == "metric" else None
    model.compile("sgd", "mse", metrics=[dist_f1.F1Score("macro", class_names=of_metric)])
    evaluate = dist_f1.callbacks.EvaluateScores((x, y), class_names=names)
    epochs = []
    note = tf.keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: epochs.append(epoch))
    with pytest.raises(ValueError, match="'macro avg' is also the name"):  # noqa: PT012
        callback = dist_f1.callbacks.ScoreReport(
            evaluate if source == "evaluate_scores" else None,
            run_dir=tmp_path,
            class_names=names if source == "argument" else None,
        )
        before = [evaluate] if source == "evaluate_scores" else []
        model.fit(x, np.eye(3), verbose=0, callbacks=[*before, callback, note])
    assert not epochs
    assert not list(tmp_path.iterdir())
