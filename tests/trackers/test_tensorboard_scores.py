"""TensorBoard finds the scores, curves, figures and hyperparameters of each epoch."""

import importlib.util
import sys

import numpy as np
import pytest
import tensorflow as tf
import trackers

import dist_f1
from dist_f1.callbacks import EvaluateScores, TensorBoardScores
from dist_f1.replicas import contexts


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """Train on two replicas; return the directory, the history and the model."""
    directory = tmp_path_factory.mktemp("tensorboard")
    model = trackers.network("mirrored_2")
    hparams = {"rate": 0.1, "kind": "linear", "depth": 1, "frozen": False}
    history = trackers.fit(model, TensorBoardScores(directory, every=2, hparams=hparams))
    return directory, history, model


def test_every_number_of_every_epoch_is_a_scalar(tracked):
    directory, history, _ = tracked
    found = {}
    for split in ("train", "validation"):
        for tag, step, plugin, value in trackers.events(directory / split):
            if plugin == "scalars":
                found[step, f"{split}/{tag}"] = float(tf.make_ndarray(value.tensor))
                assert value.metadata.data_class == 1
    for epoch in (0, 1):
        for name, number in trackers.expected_numbers(history, epoch).items():
            assert found.pop((epoch + 1, name)) == pytest.approx(number, abs=1e-6)
    assert not found


def test_the_curves_are_the_counts_at_each_threshold(tracked):
    metadata = pytest.importorskip("tensorboard.plugins.pr_curve.metadata")
    directory, _, model = tracked
    logits = model.predict(trackers.X_VAL, 30, verbose=0)
    sweep = dist_f1.Sweep.from_scores(trackers.Y_VAL, logits, 10, from_logits=True).numpy()
    values = [x for x in trackers.events(directory / "validation") if x[2] == "pr_curves"]
    tags = {tag: (step, value) for tag, step, _, value in values}
    assert list(tags) == [f"threshold_sweep/{name}" for name in trackers.NAMES]
    for k, (step, value) in enumerate(tags.values()):
        content = value.metadata.plugin_data.content
        assert metadata.parse_plugin_metadata(content).num_thresholds == 11
        table = tf.make_ndarray(value.tensor)
        assert step == 2
        assert table.shape == (6, 11)
        assert table[:, 0].tolist()[:4] == [
            np.sum(k == trackers.Y_VAL),
            np.sum(k != trackers.Y_VAL),
            0,
            0,
        ]
        counts = sweep.counts
        for row, field in enumerate(
            ("true_positive", "false_positive", "true_negative", "false_negative")
        ):
            np.testing.assert_array_equal(table[row, 1:], getattr(counts, field)[:, k])
        np.testing.assert_allclose(table[4:], [x[:-1, k] for x in sweep.curve()[1:]], atol=1e-6)


def test_the_report_and_the_images_are_those_of_the_validation_data(tracked):
    directory, _, model = tracked
    values = trackers.events(directory / "validation")
    images = {tag: value for tag, step, plugin, value in values if plugin == "images"}
    assert sorted(images) == ["confusion_matrix", "threshold_sweep"]
    for value in images.values():
        width, height, png = value.tensor.string_val
        pixels = tf.io.decode_png(png)
        assert pixels.shape[:2] == (int(height), int(width))
        assert len(np.unique(pixels)) > 10
    (text,) = [value for _, _, plugin, value in values if plugin == "text"]
    counts = dist_f1.Counts.from_labels(trackers.Y_VAL, trackers.predicted_labels(model), 3)
    expected = dist_f1.pages.markdown(counts, trackers.NAMES, 4)
    assert tf.make_ndarray(text.tensor).item().decode() == expected


def test_the_hyperparameters_are_written_once(tracked):
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    directory, _, _ = tracked
    ((_, _, plugin, value),) = trackers.events(directory)
    assert plugin == "hparams"
    start = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
    kinds = {name: getattr(x, x.WhichOneof("kind")) for name, x in start.hparams.items()}
    assert kinds == {"rate": 0.1, "kind": "linear", "depth": 1, "frozen": False}


def test_an_evaluation_outside_of_fit_has_its_own_split_and_steps(tmp_path):
    model = trackers.network()
    callback = TensorBoardScores(tmp_path, figures=False)
    values = [
        model.evaluate(
            trackers.X_VAL, trackers.Y_VAL, verbose=0, return_dict=True, callbacks=[callback]
        )
        for _ in range(2)
    ]
    found = trackers.events(tmp_path / "evaluation")
    scalars = [(step, tag) for tag, step, plugin, _ in found if plugin == "scalars"]
    assert scalars.count((1, "f1_macro")) == scalars.count((2, "f1_macro")) == 1
    last = [v for tag, step, _, v in found if (tag, step) == ("f1_macro", 2)]
    assert tf.make_ndarray(last[0].tensor) == pytest.approx(values[1]["f1_macro"], abs=1e-6)


def test_the_counts_of_evaluate_scores_are_reported(tmp_path):
    data = (trackers.X_VAL, trackers.Y_VAL)
    evaluation = EvaluateScores(data, ["f1_macro"], confusion=True, class_names=trackers.NAMES)
    model = trackers.network(metrics=[])
    callback = TensorBoardScores(tmp_path, metric=evaluation)
    trackers.fit(model, evaluation, callback, validated=False)
    found = {(tag, step) for tag, step, _, _ in trackers.events(tmp_path / "validation")}
    tags = ("f1_macro", "report", "confusion_matrix")
    assert found == {(tag, step) for tag in tags for step in (1, 2)}
    with pytest.raises(ValueError, match="of this TensorBoardScores does not come before it"):
        trackers.fit(model, callback, evaluation)


def test_entries_of_other_data_and_labels_have_their_own_names(tmp_path):
    evaluation = EvaluateScores((trackers.X_VAL, trackers.Y_VAL), ["f1_macro"], prefix="test_")
    named = dist_f1.F1Score(None, labels=[2, 1], class_names=trackers.NAMES, name="named")
    model = trackers.network(metrics=[named, dist_f1.F1Score(None, labels=[2], name="ids")])
    callback = TensorBoardScores(tmp_path, metric=evaluation, figures=False)
    trackers.fit(model, evaluation, callback, epochs=1, validated=False)
    tags = {
        split: {tag for tag, _, _, _ in trackers.events(tmp_path / split)}
        for split in ("train", "test")
    }
    assert tags["train"] == {"loss", "named/fox & co", "named/dog", "ids/2"}
    assert tags["test"] == {"f1_macro", "report"}


def test_sweeps_of_outputs_with_other_classes_have_their_own_names(tmp_path):
    inputs = tf.keras.Input([4])
    outputs = {"a": tf.keras.layers.Dense(3, name="a"), "b": tf.keras.layers.Dense(1, name="b")}
    model = tf.keras.Model(inputs, {name: layer(inputs) for name, layer in outputs.items()})
    metrics = {
        "a": dist_f1.Scores(confusion=True, class_names=trackers.NAMES, prefix="a_"),
        "b": dist_f1.ThresholdSweep(4, from_logits=True, class_names=["no", "yes"]),
    }
    model.compile("sgd", {"a": "mse", "b": "mse"}, metrics=metrics, run_eagerly=True)
    targets = {"a": np.eye(3)[trackers.Y], "b": (trackers.Y[:, np.newaxis] > 0).astype("float32")}
    model.fit(trackers.X, targets, 48, verbose=0, callbacks=[TensorBoardScores(tmp_path)])
    found = {tag for tag, _, _, _ in trackers.events(tmp_path / "train")}
    assert {"threshold_sweep", "threshold_sweep/yes", "confusion_matrix"} <= {
        tag.removeprefix("b_") for tag in found
    }


def test_only_the_chief_writes(monkeypatch, tmp_path):
    monkeypatch.setattr(contexts, "is_chief", lambda strategy: False)
    trackers.fit(trackers.network(), TensorBoardScores(tmp_path, hparams={"rate": 0.1}))
    assert list(tmp_path.iterdir()) == []


def test_rows_that_cannot_be_counted_leave_out_the_report_but_end_nothing(tmp_path):
    x = trackers.X.copy()
    x[3] = np.nan
    model = trackers.network(metrics=[dist_f1.Scores(["f1_macro"])])
    with pytest.warns(UserWarning, match=r"no report of .*1 of 48 rows were not counted"):
        model.fit(x, trackers.Y, 48, verbose=0, callbacks=[TensorBoardScores(tmp_path)])
    found = {tag: value for tag, _, _, value in trackers.events(tmp_path / "train")}
    assert sorted(found) == ["f1_macro", "loss"]
    assert np.isnan(tf.make_ndarray(found["f1_macro"].tensor))


def test_missing_packages_raise_immediately_and_name_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.plugins.hparams.api", None)
    with pytest.raises(ImportError, match=r"needs tensorboard, .* pip install tensorboard"):
        TensorBoardScores(tmp_path, hparams={"rate": 0.1})
    TensorBoardScores(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'dist-f1\[plot\]', or pass figures=False"):
        TensorBoardScores(tmp_path)
    TensorBoardScores(tmp_path, figures=False)


def test_arguments_out_of_range_raise():
    for arguments in ({"split": "test"}, {"every": 0}, {"metric": "f1"}):
        with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be"):
            TensorBoardScores("logs", **arguments)
    with pytest.raises(TypeError, match="Did you mean hparams"):
        TensorBoardScores("logs", hparam={})
