"""Large batches are counted by slots that XLA compiles, with the counts of plain ops."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same

from dist_f1 import kernels
from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counting import open_sizes
from dist_f1.sweeps.counting import SweepSpec
from dist_f1.sweeps.grid import Grid

EVEN = Grid.from_spec(20)
BLOCK = 16


def count(spec, y_true, y_pred, mask=None, num_classes=None):
    rule = DecisionRule(threshold=0.5)
    rows = inputs.flatten(y_true, y_pred, mask=mask, rule=rule, num_classes=num_classes)
    layout = spec.layout_of(rows)
    return layout.unpack(spec.count(rows, layout))


def batch(rows, classes=4, dtype="float32"):
    """Predictions that are often thresholds, and 0/1 targets."""
    random = np.random.default_rng(rows)
    y_true = random.integers(0, 2, (rows, classes)).astype(dtype)
    return y_true, random.integers(0, 41, (rows, classes)).astype("float32") / 40


def compiled_counts(spec, *args, **kwargs):
    """Count in a step with slots, and see that there are some."""
    count_batch = tf.function(lambda *args: count(spec, *args, **kwargs), autograph=False)
    with kernels.override(compiled=True):
        graph = count_batch.get_concrete_function(*args).graph
    assert "XlaMustCompile" in str(graph.as_graph_def())
    return count_batch(*args).numpy()


@pytest.mark.parametrize("spec", [SweepSpec(EVEN), SweepSpec(EVEN, from_logits=True)])
@pytest.mark.parametrize("masked", [False, True])
def test_slots_count_as_plain_ops(spec, masked):
    y_true, y_pred = batch(57)
    y_pred = y_pred * 8 - 4 if spec.from_logits else y_pred
    mask = [np.arange(57) % 3 != 1] if masked else []
    same(
        compiled_counts(spec, y_true, tf.constant(y_pred), *mask),
        count(spec, y_true, y_pred, *mask).numpy(),
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float64"])
def test_targets_may_have_any_dtype(dtype):
    y_true, y_pred = batch(30, dtype=dtype)
    spec = SweepSpec(EVEN)
    expected = count(spec, y_true.astype("float32"), y_pred).numpy()
    same(compiled_counts(spec, tf.constant(y_true), tf.constant(y_pred)), expected)


def test_one_class_has_targets_of_one_axis():
    y_true, y_pred = batch(30, 1, "int64")
    args = tf.constant(y_true[:, 0]), tf.constant(y_pred[:, 0])
    spec = SweepSpec(EVEN)
    same(compiled_counts(spec, *args), count(spec, *args).numpy())


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("value", [np.nan, 2.0, -1.0])
def test_invalid_entries_leave_out_their_row(value, masked):
    y_true, y_pred = batch(30)
    y_true[7, 1], y_pred[20, 2] = value, np.nan
    mask = [~np.isin(np.arange(30), [7, 20])] if masked else []
    spec = SweepSpec(EVEN)
    found = compiled_counts(spec, y_true, tf.constant(y_pred), *mask)
    same(found, count(spec, y_true, y_pred, *mask).numpy())
    assert int(found.invalid) == (0 if masked else 2)


def test_every_size_up_to_three_blocks(monkeypatch):
    monkeypatch.setattr(open_sizes, "_BLOCK", BLOCK * 4)
    monkeypatch.setattr(open_sizes, "_MAX_COUNTS_PER_ROW", 1000)
    monkeypatch.setattr(open_sizes, "MIN_COMPILED", BLOCK * 4)
    monkeypatch.setattr(open_sizes, "_PLAIN_BATCHES", 2)
    spec = SweepSpec(EVEN)
    specs = tf.TensorSpec([None, 4]), tf.TensorSpec([None, 4])
    counted = tf.function(lambda *x: count(spec, *x), input_signature=specs, autograph=False)
    for rows in [*range(BLOCK, BLOCK + 4), *range(3 * BLOCK + 2)]:
        y_true, y_pred = batch(rows)
        if rows % 3 == 0:
            y_true[1:2, 2], y_pred[rows // 2 : rows // 2 + 1, 1] = 3.0, np.nan
        same(counted(y_true, y_pred).numpy(), count(spec, y_true, y_pred).numpy())
