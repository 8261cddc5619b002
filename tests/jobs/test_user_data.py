"""`dist-f1 train` on user data and models: the same rows and counts in every form."""

import functools
import json
import runpy
import sys

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from commands import run_cli
from comparisons import same
from job_configs import ROOT, read_config
from job_data import damage, example, write_records

from dist_f1 import Counts
from dist_f1.jobs import models

slow = pytest.mark.slow
EXAMPLE = read_config("own_data")


def train(run_dir, *arguments):
    flags = ("--config=configs/own_data.py", f"--run_dir={run_dir}")
    return run_cli("train", *flags, *arguments, timeout=300)


@functools.cache
def rows():
    """Return the rows of the function of the example, as arrays."""
    function = runpy.run_path(str(ROOT / "configs" / "own_functions.py"))["rows"]
    return {
        split: tuple(np.stack(column) for column in zip(*function(split), strict=True))
        for split in ("train", "validation")
    }


def write_npz(directory):
    arrays = {
        f"{name}_{split}": array
        for split, xy in rows().items()
        for name, array in zip("xy", xy, strict=True)
    }
    np.savez(directory / "rows.npz", **arrays)
    return [f"--config.dataset=npz:{directory}/rows.npz"]


def write_tfrecords(directory):
    """Write three files of each split, in the order of the rows."""
    for split, (x, y) in rows().items():
        records = [example(*row) for row in zip(x, y, strict=True)]
        for number, some in enumerate(np.array_split(np.arange(len(records)), 3)):
            write_records(directory / f"{split}-{number}.tfrecord", [records[i] for i in some])
    return [
        f"--config.dataset=tfrecord:{directory}/train-*.tfrecord",
        f"--config.validation_dataset=tfrecord:{directory}/validation-*.tfrecord",
        "--config.feature_shape=(13,)",
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the example once for each form of its rows, on two replicas."""

    @functools.cache
    def finished(form):
        directory = tmp_path_factory.mktemp("own")
        arguments = {
            "npz": write_npz,
            "tfrecord": write_tfrecords,
            "function": lambda _: [],
            "function in two workers": lambda _: ["--workers=2"],
        }[form](directory)
        always = ("--config.epochs=2", "--config.replicas=2", "--config.save_predictions=true")
        result = train(directory / "run", *always, *arguments)
        assert result.returncode == 0, result.stderr
        return directory / "run"

    return finished


FORMS = ("npz", "tfrecord", "function", "function in two workers")


@slow
@pytest.mark.parametrize("form", FORMS)
def test_each_row_is_evaluated_once_and_scored_as_by_sklearn(run, form):
    predictions = np.load(run(form) / "predictions.npz")
    y_true, y_pred = predictions["y_true"], predictions["y_pred"]
    # Batches of 25, 25 and 10 rows; the workers have 13 and 12, or 10 and 0 of them.
    np.testing.assert_array_equal(y_true, rows()["validation"][1])
    expected = sklearn.metrics.classification_report(
        y_true, y_pred, target_names=EXAMPLE.class_names, output_dict=True
    )
    ours = json.loads((run(form) / "report.json").read_text())
    assert list(ours) == list(expected)
    for row, values in expected.items():
        assert ours[row] == pytest.approx(values, abs=1e-12)
    counts = Counts.load(run(form) / "counts.npz")
    np.testing.assert_array_equal(
        counts.confusion, sklearn.metrics.confusion_matrix(y_true, y_pred)
    )
    passes = [json.loads(line) for line in (run(form) / "metrics.jsonl").read_text().splitlines()]
    assert [one["rows"] for one in passes] == [118, 60, 118, 60]
    config = json.loads((run(form) / "config.json").read_text())
    assert config["replicas"] == 2


@slow
@pytest.mark.parametrize("form", ["tfrecord", "function in two workers"])
def test_rows_in_every_form_end_with_the_same_counts(run, form):
    ours, reference = (Counts.load(run(one) / "counts.npz") for one in (form, "function"))
    same(ours, reference)
    ours, reference = (np.load(run(one) / "predictions.npz") for one in (form, "function"))
    np.testing.assert_array_equal(ours["y_pred"], reference["y_pred"])
    ours, reference = (
        [json.loads(line)["loss"] for line in (run(one) / "metrics.jsonl").read_text().splitlines()]
        for one in (form, "function")
    )
    assert ours == pytest.approx(reference, rel=1e-12)


@slow
def test_damaged_files_stop_a_job_without_a_restart_and_changed_files_do_not_resume_it(tmp_path):
    arguments = [
        *write_tfrecords(tmp_path),
        "--config.shuffle_buffer=0",
        "--config.checkpoint_every=1",
    ]
    # The first file has 40 rows: enough for the first step only.
    damage(tmp_path / "train-1.tfrecord", 0.05, 1)
    result = train(tmp_path / "run", "--workers=2", *arguments)
    assert result.returncode == 1
    messages = [line for line in result.stderr.splitlines() if "dist-f1 train: " in line]
    assert len(messages) == 1
    assert f"{tmp_path}/train-1.tfrecord: corrupted record at " in messages[0]
    assert messages[0].endswith("Write it again, or remove it.")
    assert "Traceback" not in result.stderr + result.stdout
    assert "restart" not in result.stderr + result.stdout
    assert [path.name for path in (tmp_path / "run" / "logs").iterdir()] == ["start-0"]

    write_tfrecords(tmp_path)
    x, y = rows()["train"]
    swapped = [1, 0, *range(2, 40)]
    write_records(tmp_path / "train-0.tfrecord", [example(x[i], y[i]) for i in swapped])
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("state*")}
    result = train(tmp_path / "run", "--config.replicas=1", *arguments)
    assert result.returncode == 1
    message = result.stderr.splitlines()[-1]
    assert message.startswith("dist-f1 train: The data have changed since the checkpoint at step 1")
    assert before
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("state*")}

    write_tfrecords(tmp_path)
    result = train(tmp_path / "run", "--config.replicas=1", *arguments)
    assert result.returncode == 0, result.stderr
    assert "resuming from step 1 of train in epoch 1" in result.stdout
    passes = [json.loads(row) for row in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [one["rows"] for one in passes] == [118, 60] * EXAMPLE.epochs


def name_of(function):
    """Return `module:function` for a function that a test has made."""
    sys.modules["models_of_a_test"] = type(sys)("models_of_a_test")
    sys.modules["models_of_a_test"].model = function
    return "models_of_a_test:model"


def dense(units, *before):
    return tf.keras.Sequential([*before, tf.keras.layers.Dense(units)])


class Subclassed(tf.keras.Model):
    def __init__(self, units):
        super().__init__()
        self.first, self.last = tf.keras.layers.Flatten(), tf.keras.layers.Dense(units)

    def call(self, x, training=False):
        return self.last(self.first(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda shape, units: dense(units, tf.keras.Input(shape), tf.keras.layers.Flatten()),
        # The first call builds these.
        lambda shape, units: dense(units, tf.keras.layers.Flatten()),
        lambda shape, units: Subclassed(units),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_of_any_kind_have_the_dtype_of_the_job(function, dtype):
    before = tf.keras.backend.floatx(), tf.keras.mixed_precision.global_policy().name
    model = models.build(name_of(function), (2, 3), 4, dtype)
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    kernel, bias = model.trainable_variables
    logits = model(tf.constant(x, dtype), training=False).numpy()
    assert logits.dtype == dtype
    expected = x.reshape(5, 6).astype(dtype) @ kernel.numpy() + bias.numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-12 if dtype == "float64" else 1e-4)
    assert before == (tf.keras.backend.floatx(), tf.keras.mixed_precision.global_policy().name)


def two_outputs(shape, units):
    x = tf.keras.Input(shape)
    y = tf.keras.layers.Dense(units)(tf.keras.layers.Flatten()(x))
    return tf.keras.Model(x, [y, y])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda shape, units: None, r"returned None\. Return a Keras model"),
        (
            lambda shape, units: tf.keras.layers.Dense(units),
            r"returned <.*>\. Return a Keras model",
        ),
        (lambda shape, units: dense(units), r"shape \(None, 2, 4\)\. Return one with 4 logits"),
        (lambda shape, units: Subclassed(5), r"shape \(None, 5\)\. .*4 logits .*\(None, 4\)"),
        (two_outputs, r"Return one with 4 logits for each row"),
        (
            lambda shape, units: dense(units, tf.keras.Input((7,))),
            r"returned a model that does not accept rows of shape \(2, 3\): ",
        ),
    ],
)
def test_models_that_do_not_match_the_data_raise(function, message):
    with pytest.raises(ValueError, match=message) as raised:
        models.build(name_of(function), (2, 3), 4, "float64")
    assert str(raised.value).startswith("config.model=models_of_a_test:model ")


def test_the_cnn_needs_images():
    assert models.build("cnn", (8, 8, 1), 10, "float32").output_shape == (None, 10)
    with pytest.raises(ValueError, match=r"needs images .* have shape \(64,\)\. Use config\.model"):
        models.build("cnn", (64,), 10, "float32")


def test_a_missing_model_is_named():
    with pytest.raises(ValueError, match=r"config\.model=nowhere:model: No module named 'nowhere'"):
        models.build("nowhere:model", (2, 3), 4, "float64")
