"""`dist-f1 train` on data and models of one's own: the same rows and counts, however they come."""

import functools
import json
import pathlib
import runpy
import sys

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from commands import dist_f1
from comparisons import same
from test_settings import config_of
from test_sources import damage, example, write_records

from dist_f1 import Counts
from dist_f1.jobs import models

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = config_of(ROOT / "configs" / "own_data.py")


def train(run_dir, *arguments):
    flags = ("--config=configs/own_data.py", f"--run_dir={run_dir}")
    return dist_f1("train", *flags, *arguments, timeout=300)


@functools.cache
def rows():
    """Those that the function of the example returns, as arrays."""
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
    """Three files of each split, in the order of the rows."""
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
    """Runs the example once on its rows in some form, over two replicas."""

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


@pytest.mark.parametrize("form", FORMS)
def test_each_row_is_validated_once_and_scored_as_sklearn_does(run, form):
    predictions = np.load(run(form) / "predictions.npz")
    y_true, y_pred = predictions["y_true"], predictions["y_pred"]
    # 60 rows: 25, 25 and 10, of which each worker has 13, 12 or 10, 0.
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


@pytest.mark.parametrize("form", ["tfrecord", "function in two workers"])
def test_the_same_rows_end_with_the_same_integers_however_they_come(run, form):
    ours, reference = (Counts.load(run(one) / "counts.npz") for one in (form, "function"))
    same(ours, reference)
    ours, reference = (np.load(run(one) / "predictions.npz") for one in (form, "function"))
    np.testing.assert_array_equal(ours["y_pred"], reference["y_pred"])
    ours, reference = (
        [json.loads(line)["loss"] for line in (run(one) / "metrics.jsonl").read_text().splitlines()]
        for one in (form, "function")
    )
    assert ours == pytest.approx(reference, rel=1e-12)


def test_bad_files_end_a_job_once_and_other_files_do_not_continue_it(tmp_path):
    arguments = [
        *write_tfrecords(tmp_path),
        "--config.shuffle_buffer=0",
        "--config.checkpoint_every=1",
    ]
    # The first file has 40 rows, so that the first step is made, and not the second.
    damage(tmp_path / "train-1.tfrecord", 0.0, 1)
    result = train(tmp_path / "run", "--workers=2", *arguments)
    assert result.returncode == 1
    said = [line for line in result.stderr.splitlines() if "dist-f1 train: " in line]
    assert len(said) == 1
    assert f"{tmp_path}/train-1.tfrecord: corrupted record at 0" in said[0]
    assert said[0].endswith("write it anew, or leave it out.")
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
    said = result.stderr.splitlines()[-1]
    assert said.startswith("dist-f1 train: the data are not those of the checkpoint: up to step 1")
    assert before
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("state*")}

    write_tfrecords(tmp_path)
    result = train(tmp_path / "run", "--config.replicas=1", *arguments)
    assert result.returncode == 0, result.stderr
    assert "continuing from step 1 of train in epoch 1" in result.stdout
    passes = [json.loads(row) for row in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [one["rows"] for one in passes] == [118, 60] * EXAMPLE.epochs


def named(function):
    """`module:function` for a function that was made in a test."""
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
        # These are built when they are first called.
        lambda shape, units: dense(units, tf.keras.layers.Flatten()),
        lambda shape, units: Subclassed(units),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_of_any_kind_are_built_in_the_type_of_the_job(function, dtype):
    before = tf.keras.backend.floatx(), tf.keras.mixed_precision.global_policy().name
    model = models.build(named(function), (2, 3), 4, dtype)
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
        (lambda shape, units: None, r"must return a Keras model, got None"),
        (lambda shape, units: tf.keras.layers.Dense(units), r"must return a Keras model, got <"),
        (
            lambda shape, units: dense(units),
            r"with 4 logits for a row, .*; those .* \(None, 2, 4\)",
        ),
        (lambda shape, units: Subclassed(5), r"4 logits for a row, .*\(None, 4\); .*\(None, 5\)"),
        (two_outputs, r"must return a model with 4 logits for a row"),
        (
            lambda shape, units: dense(units, tf.keras.Input((7,))),
            r"returned a model that does not take rows of shape \(2, 3\): ",
        ),
    ],
)
def test_models_that_do_not_fit_the_data_are_refused(function, message):
    with pytest.raises(ValueError, match=message) as raised:
        models.build(named(function), (2, 3), 4, "float64")
    assert str(raised.value).startswith("config.model=models_of_a_test:model ")


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"config\.model=nowhere:model: No module named 'nowhere'"):
        models.build("nowhere:model", (2, 3), 4, "float64")
