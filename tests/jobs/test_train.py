"""`dist-f1 train` end to end, in processes with different numbers of devices."""

import functools
import json
import re
import warnings

import doc_tables
import numpy as np
import pytest
import sklearn.metrics
from commands import run_cli, run_cli_in_new_python, run_cli_without_tensorflow
from comparisons import same
from forking import run_forked

from dist_f1 import Counts, report
from dist_f1.jobs import settings

slow = pytest.mark.slow
# The fast tests look at one job.
FAST = ("digits", 2)
JOBS = [("digits", n) for n in (1, 2, 3, 8)] + [
    (name, n) for name in ("breast_cancer", "digit_pairs") for n in (1, 3)
]
PARAMETERS = [pytest.param(*job, marks=[] if job == FAST else slow) for job in JOBS]
ONE_OF_EACH = [FAST, *(pytest.param(*job, marks=slow) for job in JOBS if job[1] == 3)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a job once for each config and number of replicas."""

    @functools.cache
    def train(name, replicas):
        path = tmp_path_factory.mktemp(name) / "run"
        result = run_cli(
            "train",
            f"--config=configs/{name}.py",
            f"--run_dir={path}",
            "--config.epochs=2",
            "--config.save_predictions=true",
            f"--config.replicas={replicas}",
            *(["--config.model=mlp"] if name == "digits" else []),
        )
        assert result.returncode == 0, result.stderr
        return path, result

    return train


@pytest.mark.parametrize(("name", "replicas"), PARAMETERS)
def test_the_report_is_that_of_sklearn_on_the_predictions(run, name, replicas):
    path, _ = run(name, replicas)
    config = json.loads((path / "config.json").read_text())
    predictions = np.load(path / "predictions.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.classification_report(
            predictions["y_true"],
            predictions["y_pred"],
            target_names=config["class_names"],
            output_dict=True,
        )
    ours = json.loads((path / "report.json").read_text())
    assert list(ours) == list(expected)
    for row, values in expected.items():
        assert ours[row] == pytest.approx(values, abs=1e-12)
    assert config["replicas"] == replicas == len(config["devices"])


@slow
@pytest.mark.parametrize(("name", "replicas"), JOBS)
def test_any_number_of_replicas_ends_with_the_same_counts(run, name, replicas):
    ours, reference = (Counts.load(run(name, n)[0] / "counts.npz") for n in (replicas, 1))
    assert ours.true_positive.dtype == np.int64
    same(ours, reference)


def test_the_run_directory_has_all_files(run):
    path, result = run(*FAST)
    assert {entry.name for entry in path.iterdir()} == {
        "checkpoints",
        "config.json",
        "confusion_matrix.png",
        "counts.npz",
        "f1_per_class.png",
        "metrics.jsonl",
        "precision_recall.png",
        "predictions.npz",
        "report.html",
        "report.json",
        "report.md",
        "report.txt",
        "run.lock",
        "scores.json",
        "sweep.npz",
    }
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["split"]) for row in rows] == [
        (1, "train"), (1, "validation"), (2, "train"), (2, "validation")
    ]  # fmt: skip
    assert [row["rows"] for row in rows] == [1437, 360, 1437, 360]
    assert rows[2]["loss"] < rows[0]["loss"]
    as_json = json.loads((path / "report.json").read_text())
    assert rows[-1]["f1_macro"] == pytest.approx(as_json["macro avg"]["f1-score"], abs=1e-12)
    assert rows[-1]["accuracy"] == pytest.approx(as_json["accuracy"], abs=1e-12)
    assert (path / "report.txt").read_text() == report(
        Counts.load(path / "counts.npz"), [str(digit) for digit in range(10)], digits=4
    )
    assert (path / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    assert (path / "report.txt").read_text() in result.stdout


def test_files_and_entries_are_on_the_page_of_files(run):
    path, _ = run(*FAST)
    page = "docs/reference/file_formats.md"
    files = doc_tables.names(doc_tables.section(page, "## Run directory").partition("\n### ")[0])
    assert {x.name + "/" * x.is_dir() for x in path.iterdir()} <= set(files)
    config = json.loads((path / "config.json").read_text())
    described = doc_tables.names(doc_tables.section(page, "### config.json"))
    assert set(config) == set(settings._RULES) | set(described)
    with np.load(path / "predictions.npz") as arrays:
        described = doc_tables.names(doc_tables.section(page, "### predictions.npz"))
        assert sorted(arrays.files) == sorted(described)
    checkpoint = max((path / "checkpoints").iterdir())
    described = doc_tables.names(doc_tables.section(page, "### Checkpoints of dist-f1 train"))
    assert sorted(x.name for x in checkpoint.iterdir()) == sorted(described)


@pytest.mark.parametrize(("name", "replicas"), ONE_OF_EACH)
def test_scores_are_those_of_sklearn_and_lie_in_their_intervals(run, name, replicas):
    path, result = run(name, replicas)
    predictions = np.load(path / "predictions.npz")
    y_true, y_pred = predictions["y_true"], predictions["y_pred"]
    reference = {
        "f1": sklearn.metrics.f1_score,
        "precision": sklearn.metrics.precision_score,
        "recall": sklearn.metrics.recall_score,
        "jaccard": sklearn.metrics.jaccard_score,
        "accuracy": sklearn.metrics.accuracy_score,
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score,
        "matthews_corrcoef": sklearn.metrics.matthews_corrcoef,
        "cohen_kappa": sklearn.metrics.cohen_kappa_score,
        "hamming_loss": sklearn.metrics.hamming_loss,
        "specificity": lambda y, p, average: sklearn.metrics.recall_score(1 - y, 1 - p),
    }
    scores = json.loads((path / "scores.json").read_text())["scores"]
    assert len(scores) >= 7
    for score, row in scores.items():
        base, _, average = score.rpartition("_")
        arguments = {"average": average} if base in reference else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = reference[base if arguments else score](y_true, y_pred, **arguments)
        assert row["value"] == pytest.approx(expected, abs=1e-12)
        assert f"{score:20} {row['value']:7.4f}" in result.stdout
        if row["low"] is None:
            assert name == "digit_pairs"
        else:
            assert 0.0 < row["low"] <= row["value"] <= row["high"] <= 1.0
            assert row["high"] - row["low"] < 0.3


@pytest.mark.parametrize(("name", "replicas"), ONE_OF_EACH)
def test_best_thresholds_are_at_least_as_good_as_one_half(run, name, replicas):
    path, _ = run(name, replicas)
    thresholds = json.loads((path / "scores.json").read_text())["thresholds"]
    names = json.loads((path / "config.json").read_text())["class_names"]
    shown = ["malignant"] if name == "breast_cancer" else [*names, "all classes"]
    assert list(thresholds) == shown
    report = json.loads((path / "report.json").read_text())
    for row, values in thresholds.items():
        assert 0.0 < values["best_threshold"] <= 1.0
        assert 0.0 < values["average_precision"] <= 1.0
        # These two tasks are decided at 0.5.
        if name != "digits" and row in report:
            assert values["f1"] >= report[row]["f1-score"] - 1e-12


def test_the_page_has_the_scores_and_charts_in_one_file(run):
    path, _ = run(*FAST)
    page = (path / "report.html").read_text()
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert headings == [
        "Verdict",
        "Learning curves",
        "Classes",
        "Confusion matrix",
        "Commonest confusions",
        "Precision and recall",
        "Thresholds",
        "Most confident mistakes",
        "Scores",
        "Run",
    ]
    config = json.loads((path / "config.json").read_text())
    assert all(f">{version}<" in page for version in config["versions"].values())
    row = json.loads((path / "scores.json").read_text())["scores"]["f1_macro"]
    for value in row.values():
        assert f"{value:.4f}" in page
    text = (path / "report.md").read_text()
    for figure in ("f1_per_class.png", "confusion_matrix.png", "precision_recall.png"):
        assert f"]({figure})" in text
        assert (path / figure).read_bytes().startswith(b"\x89PNG")


def test_the_progress_shows_the_loss_and_the_f1_over_all_replicas(run):
    path, result = run(*FAST)
    (last,) = [line for line in result.stderr.splitlines() if "epoch 2/2" in line]
    assert "23 steps" in last
    row = json.loads((path / "metrics.jsonl").read_text().splitlines()[2])
    assert f"loss {row['loss']:.4f}, f1_macro {row['f1_macro']:.4f}" in last


def last_state(path):
    """Return the last checkpoint of a run, as TensorFlow names it."""
    return max((path / "checkpoints").iterdir()) / "state"


@slow
def test_checkpoints_hold_the_trained_model(run):
    path, _ = run(*FAST)
    code = f"""
import numpy as np, tensorflow as tf
from dist_f1.jobs import models
from dist_f1.jobs.data import bundled
loaded = bundled.load("digits", 0.2, 0)
model = models.build("mlp", loaded.x_train.shape[1:], 10, "float64")
tf.train.Checkpoint(model=model).read({str(last_state(path))!r}).expect_partial()
decisions = model(loaded.x_validation).numpy().argmax(-1)
predictions = np.load({str(path / "predictions.npz")!r})
assert (np.sort(decisions) == np.sort(predictions["y_pred"])).all()
"""
    result = run_forked("-c", code)
    assert result.returncode == 0, result.stderr


@slow
def test_the_losses_are_means_over_rows_of_both_splits(tmp_path):
    """NumPy computes the loss of a model that does not learn."""
    path = tmp_path / "run"
    flags = ("--config.model=mlp", "--config.learning_rate=1e-30", "--config.epochs=1")
    common = ("--config=configs/digits.py", f"--run_dir={path}", "--config.replicas=3")
    result = run_cli("train", *common, *flags)
    assert result.returncode == 0, result.stderr
    code = f"""
import json, numpy as np, tensorflow as tf
from dist_f1.jobs import models
from dist_f1.jobs.data import bundled
loaded = bundled.load("digits", 0.2, 0)
model = models.build("mlp", loaded.x_train.shape[1:], 10, "float64")
tf.train.Checkpoint(model=model).read({str(last_state(path))!r}).expect_partial()
losses = []
for x, y in ((loaded.x_train, loaded.y_train), (loaded.x_validation, loaded.y_validation)):
    logits = model(x).numpy()
    normal = np.log(np.exp(logits).sum(axis=-1))
    losses.append(np.mean(normal - logits[np.arange(len(y)), y]))
print(json.dumps(losses))
"""
    result = run_forked("-c", code)
    assert result.returncode == 0, result.stderr
    rows = (path / "metrics.jsonl").read_text().splitlines()
    logged = [json.loads(row)["loss"] for row in rows]
    assert logged == pytest.approx(json.loads(result.stdout), rel=1e-9)


@pytest.mark.parametrize("style", ["text", "json", "markdown"])
def test_the_report_command_prints_a_run_without_tensorflow(run, style):
    path, _ = run(*FAST)
    result = run_cli_without_tensorflow("report", path, f"--format={style}", "--digits=4")
    assert result.returncode == 0, result.stderr
    as_json = json.loads((path / "report.json").read_text())
    if style == "text":
        assert result.stdout.strip("\n") == (path / "report.txt").read_text().strip("\n")
    elif style == "json":
        assert json.loads(result.stdout) == as_json
    else:
        rows = [line.strip("|").split("|") for line in result.stdout.splitlines()]
        table = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}
        assert table["7"][2] == f"{as_json['7']['f1-score']:.4f}"
        assert table["accuracy"] == ["", "", f"{as_json['accuracy']:.4f}", "360"]


def test_the_report_command_prints_a_file_of_counts(run):
    path, _ = run(*FAST)
    result = run_cli_without_tensorflow("report", path / "counts.npz", "--format=json")
    assert json.loads(result.stdout) == json.loads((path / "report.json").read_text())


@slow
@pytest.mark.parametrize(
    ("strategy", "process"), [("none", run_cli_in_new_python), ("one_device", run_cli)]
)
def test_a_strategy_with_one_replica_ends_with_the_same_counts(run, tmp_path, strategy, process):
    flags = ("--config=configs/breast_cancer.py", f"--config.strategy={strategy}")
    result = process("train", *flags, f"--run_dir={tmp_path / 'run'}", "--config.epochs=2")
    assert result.returncode == 0, result.stderr
    ours = Counts.load(tmp_path / "run" / "counts.npz")
    same(ours, Counts.load(run("breast_cancer", 1)[0] / "counts.npz"))
