"""Large eager batches: one function, traced once, counts all sizes as plain ops do."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from counted_batches import count
from helpers import mirrored, run_on_shards
from tiers import slow_except

import dist_f1
from dist_f1 import kernels
from dist_f1.counting import eager, open_sizes, tracing
from dist_f1.kernels import choice

CLASSES, BLOCK = 5, 16
PLAIN_BATCHES = 2


@pytest.fixture(autouse=True)
def traced(monkeypatch):
    """Make batches of a block large. Return the number of functions that count eager batches."""
    monkeypatch.setattr(choice, "MIN_COMPILED", BLOCK * CLASSES)
    monkeypatch.setattr(open_sizes, "MIN_COMPILED", BLOCK * CLASSES)
    monkeypatch.setattr(open_sizes, "_BLOCK", BLOCK * CLASSES)
    monkeypatch.setattr(open_sizes, "_PLAIN_BATCHES", 0)
    monkeypatch.setattr(eager, "_PLAIN_BATCHES", PLAIN_BATCHES)
    monkeypatch.setattr(eager, "_numbers", {})
    functions = []

    def trace(function, options, *args):
        if function is eager._count:
            functions.append(options)
        return uncached(function, options, *args)

    uncached = tracing.trace.__wrapped__
    monkeypatch.setattr(tracing, "trace", functools.cache(trace))
    return lambda: len(functions)


def batch(rows):
    """Predictions with ties and NaN, and targets, some of them invalid, and values of rows."""
    random = np.random.default_rng(rows)
    y_true = random.integers(0, CLASSES, rows)
    y_pred = random.integers(0, 4, (rows, CLASSES)).astype("float32")
    y_true[::11], y_pred[::7, 3] = CLASSES, np.nan
    return y_true, y_pred, np.arange(rows) % 3 * 0.5, np.arange(rows) % 5 != 2, np.arange(rows) % 2


SIZES = [*range(BLOCK - 1, BLOCK + 6), 2 * BLOCK, 3 * BLOCK + 1, 0]


@pytest.mark.parametrize(
    ("names", "options"),
    [((), {}), (("sample_weight", "mask"), {}), (("by",), {"num_groups": 2})],
)
def test_batches_of_all_sizes_count_as_plain_ops_and_are_traced_once(traced, names, options):
    metric = dist_f1.F1Score("macro", on_invalid="nan", **options)
    for rows in SIZES:
        y_true, y_pred, *values = batch(rows)
        values = dict(zip(("sample_weight", "mask", "by"), values, strict=True))
        values = {name: values[name] for name in names}
        metric.reset_state()
        metric.update_state(y_true, y_pred, **values)
        if "sample_weight" in values:
            values["weight"] = values.pop("sample_weight")
        counts = metric.counts_by_group() if options else metric.counts()
        same(counts.numpy(), count(y_true, y_pred, **values, **options))
    assert traced() == 1


def test_metrics_of_one_kind_share_a_function_and_others_have_their_own(traced):
    y_true, y_pred, *_ = batch(BLOCK)
    for _ in range(PLAIN_BATCHES + 1):
        for metric in (dist_f1.F1Score("macro"), dist_f1.Recall("micro")):
            metric.update_state(y_true, y_pred)
    assert traced() == 1
    scores = np.nan_to_num(y_pred) / 4
    targets = np.eye(CLASSES + 1)[y_true][:, :CLASSES]
    sweep, plain = dist_f1.ThresholdSweep(5), dist_f1.ThresholdSweep(5)
    for _ in range(PLAIN_BATCHES + 1):
        sweep.update_state(targets, scores)
        with kernels.override(compiled=False):
            plain.update_state(targets, scores)
        same(sweep.counts().numpy(), plain.counts().numpy())
    assert traced() == 2


@pytest.mark.parametrize("way", ["small", "override", "environment", "functions run eagerly"])
def test_nothing_is_traced_for(way, traced, monkeypatch):
    rows = BLOCK - 1 if way == "small" else BLOCK
    metric = dist_f1.F1Score("macro")
    if way == "environment":
        monkeypatch.setenv("DIST_F1_COMPILE", "0")
    tf.config.run_functions_eagerly(way == "functions run eagerly")
    try:
        with kernels.override(**({"compiled": False} if way == "override" else {})):
            for _ in range(PLAIN_BATCHES + 1):
                metric.update_state(*batch(rows)[:2])
    finally:
        tf.config.run_functions_eagerly(False)
    assert not traced()


@pytest.mark.parametrize("replicas", slow_except(range(1, 9), 3))
def test_replicas_count_every_row(traced, replicas):
    chosen = mirrored(replicas)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES, on_invalid="nan")
    y_true, y_pred, *_ = batch(replicas * (BLOCK + 3))
    cuts = [i * (BLOCK + 3) for i in range(1, replicas)]
    for _ in range(PLAIN_BATCHES + 2):
        metric.reset_state()
        run_on_shards(chosen, metric.update_state, [y_true, y_pred], cuts)
        same(metric.counts().numpy(), count(y_true, y_pred))
    assert traced() == 1
