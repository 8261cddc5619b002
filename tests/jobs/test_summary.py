"""The summary of a run has the best thresholds, and the same scores in every file."""

import json

import numpy as np
import pytest
import sklearn.metrics

from dist_f1 import Counts, Sweep
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.summary import SCORES, Summary

NAMES = ("ant", "bee", "<cow>")


def tasks_with(fast):
    return [pytest.param(t, marks=[] if t == fast else pytest.mark.slow) for t in SCORES]


def summary(task):
    """Return a summary, its targets and its scores, which are odd multiples of 1 / 100."""
    random = np.random.default_rng(0)
    if task == "binary":
        y_true, scores, names = random.integers(0, 2, 80), random.random((80, 1)), ("no", "yes")
        scores = scores * 0.5 + 0.5 * y_true[:, None] * random.random((80, 1))
    elif task == "multiclass":
        y_true, scores, names = random.integers(0, 3, 80), random.random((80, 3)), NAMES
        scores = scores * 0.5 + 0.5 * np.eye(3)[y_true] * random.random((80, 3))
    else:
        y_true, scores, names = random.integers(0, 2, (80, 3)), random.random((80, 3)), NAMES
        scores = scores * 0.5 + 0.5 * y_true * random.random((80, 3))
    scores = (np.floor(scores * 50) + 0.5) / 50
    if task == "multiclass":
        counts = Counts.from_labels(y_true, scores.argmax(-1), 3, confusion=True)
    else:
        y_pred = (scores > 0.5).astype(int)
        shown = y_pred[:, 0] if task == "binary" else y_pred
        counts = Counts.from_labels(y_true, shown, len(names) if task != "binary" else 1)
    grid = [k / 50 for k in range(1, 51)]
    sweep = Sweep.from_scores(y_true, scores, grid)
    truth = np.eye(3, dtype=int)[y_true] if task == "multiclass" else y_true.reshape(80, -1)
    return Summary("A title", task, names, counts.numpy(), sweep), truth, scores


@pytest.mark.parametrize("task", tasks_with("multiclass"))
def test_thresholds_are_the_best(task):
    run_summary, truth, scores = summary(task)
    rows = run_summary.thresholds()
    names = run_summary.class_names[-scores.shape[1] :]
    assert [*rows][: len(names)] == list(names)
    for c, name in enumerate(names):
        f1 = {
            t: sklearn.metrics.f1_score(truth[:, c], scores[:, c] > t)
            for t in (k / 50 for k in range(1, 50))
        }
        row = rows[name]
        assert row["f1"] == pytest.approx(max(f1.values()), abs=1e-12)
        at_best = sklearn.metrics.f1_score(truth[:, c], scores[:, c] > row["best_threshold"])
        assert at_best == pytest.approx(row["f1"], abs=1e-12)
        expected = sklearn.metrics.average_precision_score(truth[:, c], scores[:, c])
        assert row["average_precision"] == pytest.approx(expected, abs=1e-12)
    if task != "binary":
        row = rows["all classes"]
        at_best = truth, scores > row["best_threshold"]
        expected = sklearn.metrics.f1_score(*at_best, average="macro")
        assert row["f1"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("task", tasks_with("binary"))
def test_the_files_have_the_values_of_the_console(task, tmp_path):
    run_summary, _, _ = summary(task)
    run_dir = RunDir(tmp_path / "run")
    run_dir.prepare({}, ())
    run_summary.write(run_dir)
    kept = json.loads((run_dir.path / "scores.json").read_text())
    assert list(kept["scores"]) == list(SCORES[task])
    text, page = run_summary.text(), (run_dir.path / "report.html").read_text()
    markdown = (run_dir.path / "report.md").read_text()
    for row in kept["scores"].values():
        for value in row.values():
            if value is not None:
                assert all(f"{value:.4f}" in shown for shown in (text, page, markdown))
    assert "data:image/png" not in page
    assert markdown.count(".png)") == 3
    assert "<cow>" not in page
    assert Sweep.load(run_dir.path / "sweep.npz").num_classes == run_summary.sweep.num_classes
