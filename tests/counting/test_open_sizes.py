"""Batches of an unknown number of rows: sizes that recur are compiled whole, others in blocks."""

import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from counted_batches import count, count_tensors
from forking import run_forked
from helpers import strategy
from tiers import slow

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counting import open_sizes

CLASSES, BLOCK = 5, 16


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 16 rows, no batch too small for them, and no more than three plain ones."""
    monkeypatch.setattr(open_sizes, "_BLOCK", BLOCK * CLASSES)
    monkeypatch.setattr(open_sizes, "MIN_COMPILED", BLOCK * CLASSES)
    monkeypatch.setattr(open_sizes, "_PLAIN_BATCHES", 2)


def batch(rows, seed=0):
    """Targets and predictions with ties, NaN and invalid labels, and values of the rows."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, CLASSES, rows)
    y_pred = random.integers(0, 4, (rows, CLASSES)).astype("float32")
    y_true[::11], y_pred[::7, 3] = 5, np.nan
    by, weight, mask = np.arange(rows) % 2, np.arange(rows) % 3 * 0.5, np.arange(rows) % 5 != 2
    return y_true, y_pred, weight, mask, by


THRESHOLD = DecisionRule(threshold=0.5)


def multilabel_batch(rows, seed=0):
    """0/1 targets and predictions; every third size has NaN and invalid targets."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, 2, (rows, CLASSES))
    y_pred = random.integers(0, 5, (rows, CLASSES)).astype("float32") / 4
    if seed % 3 == 0:
        y_true[::11, 1], y_pred[::7, 3] = 2, np.nan
    return y_true, y_pred, *batch(rows, seed)[2:]


def counter(*names, y_true=(None,), **options):
    """Return a function that counts batches of any size."""
    specs = {
        "weight": tf.TensorSpec([None], tf.float64),
        "mask": tf.TensorSpec([None], tf.bool),
        "by": tf.TensorSpec([None], tf.int64),
    }

    @tf.function(
        input_signature=[
            tf.TensorSpec(y_true, tf.int64),
            tf.TensorSpec([None, CLASSES]),
            *(specs[name] for name in names),
        ],
        autograph=False,
    )
    def counted(y_true, y_pred, *values):
        arguments = dict(zip(names, values, strict=True))
        return count_tensors(y_true, y_pred, **arguments, **options)

    return counted


def check_every_size(counted, make_batch, names, options):
    """Compare all sizes up to three blocks with eager code."""
    # The first four sizes recur, and are compiled as they are; later ones are cut into blocks.
    for rows in [*range(BLOCK, BLOCK + 4), *range(3 * BLOCK + 2)]:
        y_true, y_pred, *values = make_batch(rows, seed=rows)
        arguments = dict(zip(("weight", "mask", "by"), values, strict=True))
        arguments = {name: arguments[name] for name in names}
        same(
            counted(y_true, y_pred, *arguments.values()).numpy(),
            count(y_true, y_pred, **arguments, **options),
        )


@pytest.mark.parametrize(
    ("names", "options"),
    [
        ((), {"confusion": True}),
        (("weight", "mask"), {}),
        pytest.param(("mask", "by"), {"num_groups": 2}, marks=pytest.mark.slow),
        pytest.param(("weight", "by"), {"num_groups": 2}, marks=pytest.mark.slow),
    ],
)
def test_every_size_up_to_three_blocks_counts_as_eager_code(small_blocks, names, options):
    counted = counter(*names, **options)
    check_every_size(counted, batch, names, options)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        ((), {"betas": None}),
        (("mask",), {"betas": None}),
        pytest.param((), {}, marks=pytest.mark.slow),
        pytest.param(("weight", "mask"), {"betas": None}, marks=pytest.mark.slow),
        pytest.param(("by",), {"num_groups": 2, "betas": None}, marks=pytest.mark.slow),
    ],
)
def test_decisions_for_each_class_count_as_eager_code(small_blocks, names, options):
    options["rule"] = THRESHOLD
    counted = counter(*names, y_true=(None, CLASSES), **options)
    check_every_size(counted, multilabel_batch, names, options)


def operations(function):
    """The types of the operations of a function and of all functions that it calls."""
    definition = function.get_concrete_function().graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return {node.op for node in nodes}


def test_an_override_and_the_environment_switch_compilation_off(monkeypatch):
    assert {"While", "StatelessWhile"} & operations(counter())
    with kernels.override(compiled=False):
        assert not {"While", "StatelessWhile"} & operations(counter())
    monkeypatch.setenv("DIST_F1_COMPILE", "0")
    assert not {"While", "StatelessWhile"} & operations(counter())
    assert "XlaMustCompile" not in str(counter().get_concrete_function().graph.as_graph_def())


@pytest.mark.parametrize("rows", [0, BLOCK - 1, BLOCK, 3 * BLOCK + 1])
@pytest.mark.parametrize("kind", ["ids", "one-hot", slow("multilabel")])
def test_a_step_that_is_compiled_after_it_was_traced(small_blocks, kind, rows):
    options = {"rule": THRESHOLD, "betas": None} if kind == "multilabel" else {}
    counted = counter(y_true=(None,) if kind == "ids" else (None, CLASSES), **options)
    counted.get_concrete_function()
    y_true, y_pred, *_ = multilabel_batch(rows) if kind == "multilabel" else batch(rows)
    if kind == "one-hot":
        y_true = np.eye(CLASSES + 1, dtype=np.int64)[y_true][:, :CLASSES]
    step = tf.function(lambda: counted(y_true, y_pred), jit_compile=True, autograph=False)
    same(step().numpy(), count(y_true, y_pred, **options))


def per_replica(chosen, values):
    return chosen.experimental_distribute_values_from_function(
        lambda context: tf.constant(values[context.replica_id_in_sync_group])
    )


@pytest.mark.parametrize("name", ["mirrored_2", slow("mirrored_8")])
def test_replicas_with_other_sizes_count_every_row(small_blocks, name):
    chosen = strategy(name)
    replicas = chosen.num_replicas_in_sync
    counted = counter()
    run = tf.function(
        lambda *args: chosen.run(lambda *a: counted.python_function(*a).true_positive, args)
    )
    for step in range(7):
        sizes = [BLOCK + 5 * replica + step for replica in range(replicas)]
        parts = [batch(rows, seed=rows)[:2] for rows in sizes]
        arguments = [per_replica(chosen, values) for values in zip(*parts, strict=True)]
        found = chosen.experimental_local_results(run(*arguments))
        for part, of_replica in zip(parts, found, strict=True):
            np.testing.assert_array_equal(of_replica, count(*part).true_positive)


_STREAM = """
import json
import sys

import numpy as np
import tensorflow as tf

import dist_f1

metric = dist_f1.F1Score("micro", num_classes=8)
specs = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 8])
update = tf.function(lambda *batch: (metric.update_state(*batch), None)[1], input_signature=specs)
sizes = json.loads(sys.argv[1])
ids = np.arange(max(sizes)) % 8
for rows in sizes:
    update(ids[:rows], np.eye(8, dtype=np.float32)[ids[:rows]])
assert int(metric.counts().total) == sum(sizes)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("different", "rounds", "programs"), [(1, 3, 1), (40, 1, 1), (6, 1, 0), (6, 6, 5)]
)
def test_the_number_of_compilations_of_a_stream(different, rounds, programs, tmp_path):
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    sizes = json.dumps([2**14 + i for i in range(different)] * rounds)
    done = run_forked("-c", _STREAM, sizes, env={**os.environ, "XLA_FLAGS": flags}, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {path.name.split(".")[0] for path in pathlib.Path(tmp_path).glob("module_*")}
    assert len(found) == programs
