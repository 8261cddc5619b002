"""The reports of each epoch are scikit-learn's, of the correct split, and images are written."""

import json

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import strategy
from tiers import slow

import dist_f1
from dist_f1.callbacks import EvaluateScores, ScoreReport
from dist_f1.callbacks.model_metrics import metrics_of, most_detailed
from dist_f1.replicas import contexts

NAMES = ["cat", "dog", "fox"]
random = np.random.default_rng(2)
X = random.normal(size=(48, 4)).astype(np.float32)
Y = random.integers(0, 3, 48)
X_VAL = random.normal(size=(30, 4)).astype(np.float32)
Y_VAL = random.integers(0, 3, 30)


def model(*metrics, run_eagerly=True):
    """Return a model that does not learn, so that all rows are predicted with the same weights."""
    network = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
    network.compile(
        tf.keras.optimizers.SGD(1.0),
        loss=lambda y_true, y_pred: 0.0 * tf.reduce_sum(y_pred, -1),
        metrics=list(metrics),
        # Faster than tracing for a few batches.
        run_eagerly=run_eagerly,
    )
    return network


def expected(network, x, y, **arguments):
    predicted = network.predict(x, len(x), verbose=0).argmax(-1)
    return sklearn.metrics.classification_report(y, predicted, target_names=NAMES, **arguments)


@pytest.mark.parametrize("name", ["none", slow("mirrored_2")])
def test_the_report_of_an_epoch_shows_the_validation_data(name, tmp_path):
    printed = []
    with strategy(name).scope():
        network = model(dist_f1.F1Score("macro", class_names=NAMES), run_eagerly=name == "none")
    network.fit(
        X,
        Y,
        48 if name == "none" else 24,
        epochs=3,
        verbose=0,
        validation_data=(X_VAL, Y_VAL),
        callbacks=[ScoreReport(run_dir=tmp_path / "run", every=2, print_fn=printed.append)],
    )
    text = "epoch 2, validation, 30 rows\n\n" + expected(network, X_VAL, Y_VAL, digits=4)
    assert printed == ["\n" + text]
    run = tmp_path / "run"
    assert (run / "report.txt").read_text() == text
    assert [path.name for path in (run / "reports").iterdir()] == ["epoch_0002.txt"]
    assert (run / "reports" / "epoch_0002.txt").read_text() == text
    exact = expected(network, X_VAL, Y_VAL, output_dict=True)
    written = json.loads((run / "report.json").read_text())
    assert written.pop("accuracy") == pytest.approx(exact.pop("accuracy"))
    assert list(written) == list(exact)
    for row, values in exact.items():
        assert written[row] == pytest.approx(values, abs=1e-12)
    counts = dist_f1.Counts.load(run / "counts.npz")
    np.testing.assert_array_equal(counts.actual, np.bincount(Y_VAL))


@pytest.mark.parametrize(("mode", "best"), [("max", 2), ("min", 3)])
def test_the_run_directory_keeps_the_report_of_the_best_epoch(mode, best, tmp_path):
    network = model(dist_f1.F1Score("macro", class_names=NAMES))
    values = [np.nan, 0.75, 0.25, 0.5]

    def log_value(epoch, logs):
        logs["score"] = values[epoch]

    # Each epoch moves all rows to another class, so that reports differ.
    def move(epoch, logs):
        network.layers[-1].set_weights([np.zeros((4, 3)), np.eye(3)[epoch % 3]])

    callbacks = [
        tf.keras.callbacks.LambdaCallback(on_epoch_begin=move, on_epoch_end=log_value),
        ScoreReport(run_dir=tmp_path, print_fn=None, monitor="score", mode=mode),
    ]
    network.fit(
        *(X, Y, 48), epochs=4, verbose=0, validation_data=(X_VAL, Y_VAL), callbacks=callbacks
    )
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith(f"epoch {best}, validation, 30 rows\n")
    assert text == (tmp_path / "reports" / f"epoch_{best:04d}.txt").read_text()
    assert len(list((tmp_path / "reports").iterdir())) == 4
    predicted = dist_f1.Counts.load(tmp_path / "counts.npz").predicted
    np.testing.assert_array_equal(predicted, 30 * np.eye(3)[best - 1])
    assert f"epoch {best}, validation" in (tmp_path / "report.html").read_text()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 8


def test_a_monitored_entry_must_be_in_the_logs(tmp_path):
    report = ScoreReport(run_dir=tmp_path, print_fn=None, monitor="val_f1")
    with pytest.raises(ValueError, match=r"monitors 'val_f1', but .* only f1_score, loss\. Pass"):
        model(dist_f1.F1Score("macro")).fit(X, Y, 48, verbose=0, callbacks=[report])
    with pytest.raises(ValueError, match='mode must be "max" or "min"'):
        ScoreReport(monitor="val_f1", mode="auto")


@pytest.mark.parametrize("validated", [False, True])
def test_the_training_data_are_reported_on_request_or_without_validation(validated):
    printed = []
    network = model(dist_f1.Scores(class_names=NAMES))
    network.fit(
        X,
        Y,
        48,
        epochs=2,
        verbose=0,
        validation_data=(X_VAL, Y_VAL) if validated else None,
        callbacks=[ScoreReport(print_fn=printed.append, split="train" if validated else None)],
    )
    report = expected(network, X, Y, digits=4)
    assert printed == [f"\nepoch {epoch}, train, 48 rows\n\n{report}" for epoch in (1, 2)]


@pytest.mark.slow
def test_another_evaluation_after_an_epoch_is_not_reported_as_validation():
    printed = []
    network = model(dist_f1.Scores(class_names=NAMES))
    other = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: network.evaluate(X, Y, verbose=0)
    )
    network.fit(
        X,
        Y,
        48,
        verbose=0,
        validation_data=(X_VAL, Y_VAL),
        callbacks=[other, ScoreReport(print_fn=printed.append)],
    )
    report = expected(network, X_VAL, Y_VAL, digits=4)
    assert printed == [f"\nepoch 1, validation, 30 rows\n\n{report}"]


def test_without_validation_data_a_validation_report_is_not_printed():
    printed = []
    model(dist_f1.Scores()).fit(
        X, Y, 48, verbose=0, callbacks=[ScoreReport(print_fn=printed.append, split="validation")]
    )
    assert printed == []


def test_an_evaluation_outside_of_fit(capsys):
    network = model(dist_f1.Scores(class_names=NAMES))
    network.evaluate(X_VAL, Y_VAL, verbose=0, callbacks=[ScoreReport(digits=2)])
    report = expected(network, X_VAL, Y_VAL)
    assert capsys.readouterr().out == f"evaluation, 30 rows\n\n{report}\n"


def test_the_counts_of_evaluate_scores_are_reported():
    printed = []
    network = model()
    weight = np.full(30, 0.5)
    evaluation = EvaluateScores((X_VAL, Y_VAL, weight), every=2, class_names=NAMES)
    report = ScoreReport(evaluation, print_fn=printed.append)
    network.fit(X, Y, 48, epochs=3, verbose=0, callbacks=[evaluation, report])
    assert len(printed) == 1
    title, text = printed[0].strip().split("\n\n", 1)
    assert title == "epoch 2, validation, 15 weight"
    want = expected(network, X_VAL, Y_VAL, digits=4, sample_weight=weight)
    assert text.split() == want.split()
    for callbacks in ([report], [report, evaluation]):
        with pytest.raises(ValueError, match="does not come before it"):
            network.fit(X, Y, 48, verbose=0, callbacks=callbacks)


def test_the_most_detailed_metric_is_selected():
    plain, named = dist_f1.F1Score("macro"), dist_f1.Recall("macro", class_names=NAMES)
    square = dist_f1.Scores(confusion=True, name="square")
    sweep = dist_f1.metrics.ThresholdSweep(10)
    network = model(plain, named, tf.keras.metrics.MeanSquaredError(), sweep, square)
    network.evaluate(X[:, :4], np.eye(3)[Y], verbose=0)
    assert metrics_of(network) == [plain, named, sweep, square]
    assert most_detailed([plain, named, sweep, square]) is square
    assert most_detailed([plain, named, sweep]) is named
    assert most_detailed([sweep, plain]) is plain


def test_a_model_without_a_metric_and_arguments_out_of_range_raise():
    with pytest.raises(ValueError, match="without a metric of dist_f1"):
        model().fit(X, Y, 48, verbose=0, callbacks=[ScoreReport()])
    for arguments in ({"split": "test"}, {"every": 0}, {"metric": "f1"}):
        with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be"):
            ScoreReport(**arguments)


def test_only_the_chief_prints_and_writes(monkeypatch, tmp_path):
    printed = []
    network = model(dist_f1.Scores())
    monkeypatch.setattr(contexts, "is_chief", lambda strategy: False)
    callback = ScoreReport(run_dir=tmp_path / "run", print_fn=printed.append)
    network.fit(X, Y, 48, verbose=0, callbacks=[callback])
    assert printed == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [dist_f1.Scores, lambda: dist_f1.ThresholdSweep(5)])
def test_rows_that_cannot_be_counted_leave_out_the_report_but_end_nothing(make, tmp_path):
    x = X.copy()
    x[3] = np.nan
    network = model(make())
    with pytest.warns(UserWarning, match=r"no report of .*1 of 48 rows were not counted"):
        history = network.fit(
            X, Y, validation_data=(x, Y), verbose=0, callbacks=[ScoreReport(run_dir=tmp_path)]
        )
    assert len(history.epoch) == 1
    assert not list(tmp_path.glob("report*"))


def test_the_page_shows_the_epochs_and_the_curves(tmp_path):
    network = model(
        dist_f1.F1Score("macro", class_names=NAMES),
        dist_f1.ThresholdSweep(from_logits=True),
    )
    callback = ScoreReport(run_dir=tmp_path, print_fn=None)
    options = {"validation_data": (X_VAL, Y_VAL), "verbose": 0, "callbacks": [callback]}
    network.fit(X, Y, 48, epochs=2, **options)
    page = (tmp_path / "report.html").read_text()
    assert f"<h1>{tmp_path.name}: epoch 2, validation, 30 rows</h1>" in page
    headings = ("Learning curves", "Classes", "Precision and recall", "Thresholds", "Run")
    assert all(f">{heading}</h2>" in page for heading in headings)
    assert f">{tf.__version__}<" in page
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [(json.loads(line)["epoch"], json.loads(line)["split"]) for line in lines] == [
        (1, "train"), (1, "validation"), (2, "train"), (2, "validation")
    ]  # fmt: skip
    assert dist_f1.Sweep.load(tmp_path / "sweep.npz").num_classes == 3
    # A resumed training continues the history.
    network.fit(X, Y, 48, initial_epoch=1, epochs=3, **options)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 1, 2, 2, 3, 3]


def test_an_evaluation_has_a_page_without_epochs(tmp_path):
    network = model(dist_f1.ConfusionMatrix(num_classes=3, class_names=NAMES))
    callback = ScoreReport(run_dir=tmp_path, print_fn=None)
    network.evaluate(X_VAL, Y_VAL, verbose=0, callbacks=[callback])
    page = (tmp_path / "report.html").read_text()
    assert f"<h1>{tmp_path.name}: evaluation, 30 rows</h1>" in page
    assert ">Confusion matrix</h2>" in page
    assert "Learning curves" not in page
    assert not (tmp_path / "sweep.npz").exists()
