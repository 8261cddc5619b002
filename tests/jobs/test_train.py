"""`dist-f1 train` end to end, in processes of its own: each has its own number of devices."""

import functools
import json
import warnings

import numpy as np
import pytest
import sklearn.metrics
from commands import dist_f1, dist_f1_from_scratch, last_line
from comparisons import same
from forking import run_forked

from dist_f1 import Counts, report

REPLICAS = (1, 2, 3, 4, 8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a job once for each config and number of replicas."""

    @functools.cache
    def train(name, replicas):
        path = tmp_path_factory.mktemp(name) / "run"
        result = dist_f1(
            "train",
            f"--config=configs/{name}.py",
            f"--run_dir={path}",
            "--config.epochs=2",
            "--config.save_predictions=true",
            f"--config.replicas={replicas}",
        )
        assert result.returncode == 0, result.stderr
        return path, result

    return train


JOBS = [("digits", n) for n in REPLICAS] + [
    (name, n) for name in ("breast_cancer", "digit_pairs") for n in (1, 3)
]


@pytest.mark.parametrize(("name", "replicas"), JOBS)
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


@pytest.mark.parametrize(("name", "replicas"), JOBS)
def test_any_number_of_replicas_ends_with_the_same_integers(run, name, replicas):
    ours, reference = (Counts.load(run(name, n)[0] / "counts.npz") for n in (replicas, 1))
    assert ours.true_positive.dtype == np.int64
    same(ours, reference)


def test_the_run_directory_holds_what_it_promises(run):
    path, result = run("digits", 4)
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
        "scores.json",
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


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "digit_pairs"])
def test_scores_are_those_of_sklearn_and_lie_in_their_intervals(run, name):
    path, result = run(name, 1)
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


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "digit_pairs"])
def test_best_thresholds_are_at_least_as_good_as_a_half(run, name):
    path, _ = run(name, 1)
    thresholds = json.loads((path / "scores.json").read_text())["thresholds"]
    names = json.loads((path / "config.json").read_text())["class_names"]
    shown = ["malignant"] if name == "breast_cancer" else [*names, "all classes"]
    assert list(thresholds) == shown
    report = json.loads((path / "report.json").read_text())
    for row, values in thresholds.items():
        assert 0.0 < values["best_threshold"] <= 1.0
        assert 0.0 < values["average_precision"] <= 1.0
        # The decisions of these two tasks are those at 0.5.
        if name != "digits" and row in report:
            assert values["f1"] >= report[row]["f1-score"] - 1e-12


def test_the_page_shows_the_report_and_the_pictures_in_one_file(run):
    path, _ = run("digits", 4)
    page = (path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    row = json.loads((path / "scores.json").read_text())["scores"]["f1_macro"]
    for value in row.values():
        assert f"{value:.4f}" in page
    text = (path / "report.md").read_text()
    for picture in ("f1_per_class.png", "confusion_matrix.png", "precision_recall.png"):
        assert f"]({picture})" in text
        assert (path / picture).read_bytes().startswith(b"\x89PNG")


def test_the_progress_bar_shows_the_loss_and_the_f1_over_all_replicas(run):
    path, result = run("digits", 4)
    last = [line for line in result.stderr.split("\r") if "epoch 2/2" in line][-1]
    assert "23/23" in last
    row = json.loads((path / "metrics.jsonl").read_text().splitlines()[2])
    assert f"loss={row['loss']:.4f}, f1_macro={row['f1_macro']:.4f}" in last


def last_state(path):
    """The last checkpoint of a run, as TensorFlow names it."""
    return max((path / "checkpoints").iterdir()) / "state"


def test_checkpoints_hold_the_trained_model(run):
    path, _ = run("digits", 4)
    code = f"""
import numpy as np, tensorflow as tf
from dist_f1.jobs import models
from dist_f1.jobs.data import bundled
loaded = bundled.load("digits", 0.2, 0)
model = models.build("cnn", loaded.x_train.shape[1:], 10, "float64")
tf.train.Checkpoint(model=model).read({str(last_state(path))!r}).expect_partial()
decided = model(loaded.x_validation).numpy().argmax(-1)
predictions = np.load({str(path / "predictions.npz")!r})
assert (np.sort(decided) == np.sort(predictions["y_pred"])).all()
"""
    told = run_forked("-c", code)
    assert told.returncode == 0, told.stderr


def test_the_losses_are_means_over_rows_whatever_the_split(tmp_path):
    """A model that does not learn has one loss, and NumPy can tell it."""
    path = tmp_path / "run"
    flags = ("--config.model=mlp", "--config.learning_rate=1e-30", "--config.epochs=1")
    result = train_with(tmp_path, *flags, "--config.replicas=3")
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
    told = run_forked("-c", code)
    assert told.returncode == 0, told.stderr
    rows = (path / "metrics.jsonl").read_text().splitlines()
    logged = [json.loads(row)["loss"] for row in rows]
    assert logged == pytest.approx(json.loads(told.stdout), rel=1e-9)


@pytest.mark.parametrize("style", ["text", "json", "markdown"])
def test_the_report_command_prints_a_run_or_a_file_of_counts(run, style):
    path, _ = run("breast_cancer", 3)
    result = dist_f1("report", str(path), f"--format={style}", "--digits=4")
    assert result.returncode == 0, result.stderr
    if style == "text":
        assert result.stdout.strip("\n") == (path / "report.txt").read_text().strip("\n")
    elif style == "json":
        assert json.loads(result.stdout) == json.loads((path / "report.json").read_text())
    else:
        rows = [line.strip("|").split("|") for line in result.stdout.splitlines()]
        table = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}
        as_json = json.loads((path / "report.json").read_text())
        assert table["malignant"][2] == f"{as_json['malignant']['f1-score']:.4f}"
        assert table["accuracy"] == ["", "", f"{as_json['accuracy']:.4f}", "171"]
    of_file = dist_f1("report", str(path / "counts.npz"), "--format=json")
    assert json.loads(of_file.stdout)["1"] == as_json_row(path, "malignant")


def as_json_row(path, name):
    return json.loads((path / "report.json").read_text())[name]


def train_with(tmp_path, *arguments):
    return dist_f1(
        "train", "--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", *arguments
    )


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--config.epoch=3", "there is no config.epoch; did you mean config.epochs?"),
        ("--config.zzz=3", "there is no config.zzz; the config file lists them all"),
        ("--config.epochs=three", "--config.epochs=three: invalid literal"),
        ("--config.validation_fraction=0.003", "config.validation_fraction=0.003 leaves too few"),
        ("--config.seed=99999999999", "config.seed must be an integer of at least 0 and at most"),
        ("--config.epochs=0", "config.epochs must be an integer of at least 1, got 0"),
        ("--config.average=binary", "config.average must be one of macro, micro, weighted"),
        ("--epochs=3", "Unknown command line flag 'epochs'"),
        ("epochs=3", "unexpected argument 'epochs=3'"),
    ],
)
def test_a_wrong_setting_fails_at_once_and_is_named(tmp_path, argument, message):
    result = train_with(tmp_path, argument)
    assert result.returncode == 1
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("strategy", "process"), [("none", dist_f1_from_scratch), ("one_device", dist_f1)]
)
def test_a_strategy_of_one_replica_ends_with_the_same_integers(run, tmp_path, strategy, process):
    flags = ("--config=configs/breast_cancer.py", f"--config.strategy={strategy}")
    result = process("train", *flags, f"--run_dir={tmp_path / 'run'}", "--config.epochs=2")
    assert result.returncode == 0, result.stderr
    ours = Counts.load(tmp_path / "run" / "counts.npz")
    same(ours, Counts.load(run("breast_cancer", 1)[0] / "counts.npz"))


def test_training_that_diverges_ends_with_a_word_on_why(tmp_path):
    flags = ("--config.model=mlp", "--config.learning_rate=1e300", "--config.replicas=2")
    result = train_with(tmp_path, *flags)
    assert result.returncode == 1
    assert "training has diverged. Lower config.learning_rate" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "message"), [("x = 1", "has no get_config()"), ("x = ", "invalid syntax")]
)
def test_a_config_file_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "config.py").write_text(text)
    result = dist_f1("train", f"--config={tmp_path / 'config.py'}", f"--run_dir={tmp_path / 'run'}")
    assert result.returncode == 1
    assert message in result.stderr.splitlines()[-1]


def test_a_config_that_is_not_there_is_named(tmp_path):
    result = dist_f1("train", "--config=configs/digit.py", f"--run_dir={tmp_path / 'run'}")
    assert result.returncode == 1
    assert "configs/digit.py" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("command", "flag"), [("train", "--run_dir"), ("report", "--format")])
def test_help_lists_the_flags_of_a_command(command, flag):
    assert flag in dist_f1(command, "--help").stdout
    assert command in dist_f1().stdout


def test_a_run_directory_in_use_is_left_as_it_is(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("precious")
    result = train_with(tmp_path)
    assert result.returncode == 1
    assert "is not empty, and holds no run" in result.stderr
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["precious.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "No such file or directory: 'nowhere'"),
        (["report", "configs"], "configs holds no counts.npz"),
        (["report", "README.md"], "README.md is not an .npz file of counts"),
        (["report"], "name one run directory or counts.npz"),
        (["trian"], "unknown command 'trian'"),
    ],
)
def test_commands_say_what_is_wrong(arguments, message):
    result = dist_f1(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_python_from_scratch_says_and_returns_the_same(tmp_path):
    """As one from a fork with TensorFlow, which most of these tests start."""
    flags = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", "--config.epoch=3")
    one, other = (start("train", *flags) for start in (dist_f1_from_scratch, dist_f1))
    assert one.returncode == other.returncode == 1
    assert one.stdout == other.stdout == ""
    assert last_line(one.stderr) == last_line(other.stderr)


def test_a_python_from_scratch_reports_a_run(run):
    path, _ = run("breast_cancer", 3)
    result = dist_f1_from_scratch("report", path, "--digits=4")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip("\n") == (path / "report.txt").read_text().strip("\n")
