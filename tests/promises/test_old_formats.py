"""Files that older versions have written load, and give the numbers that were stored with them."""

import importlib
import json
import pathlib
import pickle
import shutil

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from fixtures import generate
from tiers import slow

from dist_f1 import Counts, Sweep

FILES = pathlib.Path(generate.__file__).parent
KERAS = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
# A `.keras` file names the modules of its Keras. Keras 2.15 cannot read files of newer versions.
MODELS = {
    "keras": [slow("keras3.keras")] if KERAS.__version__.startswith("3.") else [],
    "tf_keras": ["tf_keras.keras", "tf_keras.h5", "tf_keras_saved_model"],
}[KERAS.__name__]


def expected(section, generation="keras"):
    return json.loads((FILES / f"expected_{generation}.json").read_text())[section]


@pytest.mark.parametrize("kind", generate.COUNTS)
def test_counts_that_were_saved_or_pickled_load(kind):
    saved = Counts.load(FILES / f"counts_{kind}.npz")
    assert generate.fields(saved) == expected("counts")[kind]
    of_today = generate.counts_of(kind)
    unknown = np.zeros_like(of_today.invalid_by_cause)
    unknown[..., 0] = saved.invalid
    same(saved.with_causes(unknown.shape[-1]), of_today._replace(invalid_by_cause=unknown))
    # The causes of invalid rows were not stored.
    pickled = pickle.loads((FILES / "counts.pickle").read_bytes())[kind]
    assert type(pickled) is Counts
    same(pickled, saved)


def test_a_sweep_that_was_saved_loads():
    sweep = Sweep.load(FILES / "sweep.npz")
    assert sweep.thresholds.tolist() == [0.0, 0.5, 1.0]
    assert sweep.counts.true_positive.tolist() == [[2, 3], [2, 1], [0, 0]]
    assert sweep.counts.predicted.tolist() == [[5, 5], [3, 2], [0, 0]]
    assert sweep.counts.actual.tolist() == [[2, 3]] * 3
    assert (sweep.counts.total.tolist(), sweep.counts.invalid.tolist()) == ([5] * 3, [1] * 3)


def test_a_checkpoint_restores_accumulators_of_every_kind_and_counting_resumes():
    metrics = generate.accumulating_metrics()
    accumulators = {kind: metric.accumulator for kind, metric in metrics.items()}
    path = str(FILES / "checkpoint")
    tf.train.Checkpoint(**accumulators).read(path).assert_consumed()
    stored = {kind: generate.fields(a.read().numpy()) for kind, a in accumulators.items()}
    assert stored == expected("checkpoint")
    generate.count(metrics)
    for kind, accumulator in accumulators.items():
        assert accumulator.read().numpy().total.sum() == 2 * np.sum(stored[kind]["total"])


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_evaluates_with_its_metrics(name, tmp_path):
    path = tmp_path / name
    # Keras may write beside what it loads.
    (shutil.copytree if (FILES / name).is_dir() else shutil.copy)(FILES / name, path)
    model = tf.keras.models.load_model(str(path))
    logs = generate.evaluate(model)
    generation = name.partition(".")[0].removesuffix("_saved_model").replace("keras3", "keras")
    stored = expected("evaluate", generation)
    assert set(logs) == set(stored)
    for key, value in stored.items():
        np.testing.assert_allclose(logs[key], value, rtol=1e-6, atol=1e-7, err_msg=key)
