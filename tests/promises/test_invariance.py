"""The counts do not depend on the order of rows, batches, or the split over 1 to 8 replicas."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, per_replica, split
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tracing import traced_once

import dist_f1
from dist_f1 import Counts

# metrics/test_every_metric.py and replicas/test_accumulator.py are the fast tests of this promise.
pytestmark = pytest.mark.slow

CLASSES = 4
REPLICAS = (1, 2, 3, 5, 8)


@st.composite
def plans(draw):
    """Draw rows, maybe with weights, their order, a batch size, and the cuts of each batch."""
    rows = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y_true = np.sort(random.integers(0, CLASSES, rows))
    y_pred = np.where(random.random(rows) < 0.5, y_true, random.integers(0, CLASSES, rows))
    weight = random.choice([0.0, 1.0, 0.1, 3.7, 1e6], rows) if draw(st.booleans()) else None
    order = random.permutation(rows) if draw(st.booleans()) else np.arange(rows)
    replicas = draw(st.sampled_from(REPLICAS))
    batch = draw(st.integers(1, rows))
    cuts = [
        sorted(random.integers(0, min(batch, rows - start) + 1, replicas - 1))
        for start in range(0, rows, batch)
    ]
    return y_true, y_pred, weight, order, batch, cuts, replicas


def assert_counts(metric, y_true, y_pred, weight):
    ours = metric.counts().numpy()
    whole = Counts.from_labels(y_true, y_pred, CLASSES, weight).numpy()
    if weight is None:
        same(ours, whole)
    else:
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(whole), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * weight.sum())


class CustomLoop:
    """A custom loop on some replicas, eager or compiled."""

    def __init__(self, replicas, weighted, compiled):
        self.strategy = mirrored(replicas)
        with self.strategy.scope():
            self.metric = dist_f1.F1Score("macro", num_classes=CLASSES, weighted=weighted)
        dtypes = (tf.int64, tf.int64, tf.float64)[: 3 if weighted else 2]

        def replica(*columns):
            self.metric.update_state(*columns)
            return self.metric.result()

        def step(*columns):
            return self.strategy.run(replica, columns)

        specs = [tf.TensorSpec([None], dtype) for dtype in dtypes]
        self.step = traced_once(step, self.strategy, specs) if compiled else step

    def evaluate(self, columns, batch, cuts):
        self.metric.reset_state()
        for index, start in enumerate(range(0, len(columns[0]), batch)):
            rows = [column[start : start + batch] for column in columns]
            shards = split(rows, cuts[index])
            self.step(*(per_replica(self.strategy, values) for values in shards))


@functools.cache
def loop(replicas, weighted, compiled):
    return CustomLoop(replicas, weighted, compiled)


@pytest.mark.parametrize("compiled", [False, True])
@settings(max_examples=settings.default.max_examples // 2)
@given(plan=plans())
def test_custom_loops_give_the_same_counts(compiled, plan):
    y_true, y_pred, weight, order, batch, cuts, replicas = plan
    columns = [column[order] for column in (y_true, y_pred, weight) if column is not None]
    chosen = loop(replicas, weight is not None, compiled)
    chosen.evaluate(columns, batch, cuts)
    assert_counts(chosen.metric, y_true, y_pred, weight)


class Fit:
    """A Keras model on some replicas that predicts its input and does not learn."""

    def __init__(self, replicas, weighted):
        with mirrored(replicas).scope():
            self.metric = dist_f1.F1Score("macro", num_classes=CLASSES, weighted=weighted)
            layer = tf.keras.layers.Dense(CLASSES, None, False, "identity")
            self.model = tf.keras.Sequential([layer])
            name = "weighted_metrics" if weighted else "metrics"
            self.model.compile(tf.keras.optimizers.SGD(0.0), "mse", **{name: [self.metric]})
        self.replicas = replicas

    def fit(self, columns, batch):
        # Keras 3 requires that the size of the first batch is a multiple of the replicas.
        rows = len(columns[0])
        first = max(1, min(batch, rows) // self.replicas) * self.replicas

        def batches():
            yield tuple(column[:first] for column in columns)
            for start in range(first, rows, batch):
                yield tuple(column[start : start + batch] for column in columns)

        row = tf.TensorSpec([None, CLASSES], tf.float32)
        signature = (row, row, tf.TensorSpec([None], tf.float32))[: len(columns)]
        data = tf.data.Dataset.from_generator(batches, output_signature=signature)
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        self.model.fit(data.with_options(options), verbose=0)


@functools.cache
def fit(replicas, weighted):
    return Fit(replicas, weighted)


@settings(max_examples=settings.default.max_examples // 4)
@given(plan=plans())
def test_fit_gives_the_same_counts(plan):
    y_true, y_pred, weight, order, batch, _, replicas = plan
    assume(len(y_true) >= replicas and replicas in (1, 2, 3, 5, 8))
    chosen = fit(replicas, weight is not None)
    columns = [np.eye(CLASSES)[labels][order] for labels in (y_pred, y_true)]
    if weight is not None:
        # Keras casts weights to float32.
        weight = weight.astype("float32").astype("float64")
        columns.append(weight[order])
    chosen.fit(columns, batch)
    assert_counts(chosen.metric, y_true, y_pred, weight)
