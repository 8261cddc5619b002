"""Whatever kernels are chosen, the same rows make the same integers."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dist_f1
from dist_f1 import counting, kernels
from dist_f1.batch import inputs
from dist_f1.batch.decisions import DecisionRule
from dist_f1.kernels import argmax
from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.lanes import slices

CHOICES = [
    {"device": device, "argmax": search, "histogram": histogram, "compiled": compiled}
    for device, search, histogram, compiled in itertools.product(
        ("CPU", "GPU", "TPU"),
        ("rows", "blocks", "lanes", "keys"),
        ("bincount", "segment_sum", "matmul"),
        (False, True),
    )
]
# Divisible into blocks, or prime; below and above the limits of blocks and lanes.
CLASSES = (2, 3, 100, 101, 300, 421)


def batch(classes, seed=0, dtype="float32", rows=60):
    """Rows with ties, infinite scores, NaN, and ids that are no class."""
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 3, (rows, classes)).astype("float32")
    scores[random.random(scores.shape) < 0.02] = np.inf
    scores[random.random(scores.shape) < 0.02] = -np.inf
    sick = random.random(rows) < 0.2
    scores[sick, random.integers(0, classes, rows)[sick]] = np.nan
    y_true = random.integers(-1, classes + 1, rows)
    return y_true, tf.cast(scores, dtype), sick


def by_numpy(y_true, scores, sick, classes):
    """The vector of counts, from NumPy alone."""
    known = ~sick & (y_true >= 0) & (y_true < classes)
    y, p = y_true[known], np.argmax(np.asarray(scores, np.float32)[known], axis=-1)
    histograms = [np.bincount(ids, minlength=classes) for ids in (y[y == p], p, y)]
    return np.concatenate([*histograms, [known.sum(), (~known).sum()]])


def vector(y_true, scores, rule=DecisionRule(), **arguments):  # noqa: B008
    rows = inputs.flatten(y_true, scores, rule=rule, **arguments)
    layout = counting.layout_for(rule, rows.num_classes, False, (), 0)
    return counting.count_vector(rows, rule, layout)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(map(str, c.values())))
def test_every_choice_counts_the_same(choice):
    for classes in CLASSES:
        y_true, scores, sick = batch(classes, seed=classes)
        step = tf.function(lambda y, s: vector(y, s), autograph=False)
        with kernels.override(**choice):
            counted = step(tf.constant(y_true), scores)
        np.testing.assert_array_equal(counted, by_numpy(y_true, scores, sick, classes))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("search", ["blocks", "lanes", "keys"])
def test_scores_of_any_float_dtype_go_by_parts_too(dtype, compiled, search):
    y_true, scores, sick = batch(100, seed=7, dtype=dtype)
    step = tf.function(lambda y, s: vector(y, s), autograph=False)
    with kernels.override(argmax=search, compiled=compiled):
        counted = step(tf.constant(y_true), scores)
    np.testing.assert_array_equal(counted, by_numpy(y_true, scores, sick, 100))


@pytest.mark.parametrize("search", ["blocks", "lanes", "keys"])
@given(st.integers(0, 10_000), st.sampled_from([48, 100, 360, 1000]), st.booleans())
def test_the_best_of_parts_is_the_first_best_of_the_row(search, seed, classes, few_values):
    random = np.random.default_rng(seed)
    # Few distinct scores make ties within parts and between them.
    scores = random.integers(0, 2 if few_values else 10_000, (20, classes)).astype(np.float32)
    ids, known = argmax.best(tf.constant(scores), kernels.Kernels(argmax=search))
    np.testing.assert_array_equal(ids, np.argmax(scores, axis=-1))
    assert np.all(known)


@pytest.mark.parametrize("search", ["lanes", "keys"])
@pytest.mark.parametrize("jit", [False, True])
@given(
    st.sampled_from([1, 3, 17, 40]).flatmap(
        lambda classes: hnp.arrays(
            np.float32,
            (7, classes),
            elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
        )
    )
)
def test_integers_order_every_float_as_it_is(search, jit, scores):
    scores[0], scores[1], scores[2] = -0.0, -1.0, -np.inf
    scores[0, -1], scores[1, 0] = 0.0, -np.nan
    scores[3], scores[3, scores.shape[1] // 3] = 0.0, 1e-40
    find = {"lanes": in_lanes, "keys": by_keys}[search]
    ids, known = (tf.function(find, jit_compile=True) if jit else find)(tf.constant(scores))
    has_nan = np.isnan(scores).any(axis=-1)
    np.testing.assert_array_equal(known, ~has_nan)
    flushed = np.where(np.abs(scores) < np.finfo(np.float32).tiny, 0, scores)
    np.testing.assert_array_equal(np.asarray(ids)[~has_nan], flushed[~has_nan].argmax(axis=-1))
    assert np.all((np.asarray(ids) >= 0) & (np.asarray(ids) < scores.shape[1]))


def in_lanes(scores):
    return argmax.best(scores, kernels.Kernels(argmax="lanes"))


def by_keys(scores):
    return argmax.best(scores, kernels.Kernels(argmax="keys"))


@pytest.mark.parametrize("classes", [*range(1, 70), 385, 400, 401, 1000, 49_999, 1_000_000])
def test_slices_hold_every_class_and_are_few(classes):
    starts, lanes = slices(classes)
    held = np.unique(np.add.outer(starts, np.arange(lanes)))
    np.testing.assert_array_equal(held, np.arange(classes))
    assert len(starts) <= 25
    assert starts == sorted(starts)
    assert lanes * len(starts) < classes + lanes or classes == 1


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("classes", [3, 100, 1000])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_nan_is_found_wherever_it_is(classes, compiled, inside):
    scores = np.zeros([classes + 1, classes], np.float32)
    scores[:, 0], scores[1::2, -1] = np.inf, -np.inf
    scores[np.arange(classes), np.arange(classes)] = np.nan
    y_true = np.zeros(classes + 1, np.int64)
    # A step that is compiled itself, or only what is counted in it.
    step = tf.function(lambda y, s: vector(y, s), autograph=False, jit_compile=inside)
    with kernels.override(compiled=compiled):
        counted = step(tf.constant(y_true), scores)
    assert list(counted[-2:]) == [1, classes]


@pytest.mark.parametrize("rule", [DecisionRule(), DecisionRule(0.5)])
@pytest.mark.parametrize("classes", [8, 300, 1000])
def test_a_nan_is_found_in_a_step_that_is_compiled_after_it_was_traced(classes, rule):
    y_true, scores, sick = batch(classes, seed=1)
    known = int(np.sum(~sick & (y_true >= 0) & (y_true < classes)))
    if rule.threshold is not None:
        y_true = np.clip(y_true, 0, classes - 1)
        known = int(np.sum(~sick))
    step = tf.function(lambda y, s: vector(y, s, rule), autograph=False)
    layout = counting.layout_for(rule, classes, False, (), 0)

    def rows(counted):
        counts = layout.unpack(counted)
        return int(counts.total), int(counts.invalid)

    expected = known, len(scores) - known
    arguments = tf.constant(y_true), scores
    assert rows(step(*arguments)) == expected
    later = tf.function(lambda y, s: step(y, s), autograph=False, jit_compile=True)
    assert rows(later(*arguments)) == expected
    traced = step.get_concrete_function(*arguments)
    assert rows(tf.function(lambda y, s: traced(y, s), jit_compile=True)(*arguments)) == expected


def test_numbers_too_small_to_be_normal_tie_with_zero_in_every_choice():
    scores = np.zeros([40, 100], np.float32)
    scores[:, 2] = 1e-40
    step = tf.function(lambda y, s: vector(y, s), autograph=False)
    ids = tf.zeros([40], tf.int64)
    counted = []
    for search in ("rows", "blocks", "lanes", "keys"):
        with kernels.override(argmax=search, compiled=True):
            counted.append(tf.function(step.python_function, autograph=False)(ids, scores))
    np.testing.assert_array_equal(counted[0], counted[1])
    np.testing.assert_array_equal(counted[0], counted[2])
    np.testing.assert_array_equal(counted[0], counted[3])


def test_large_batches_of_known_shape_are_compiled_and_others_are_not():
    def chosen(*shape, dtype="float32", **signature):
        found = []
        step = tf.function(lambda s: found.append(kernels.choose(s)), autograph=False, **signature)
        step.get_concrete_function(tf.TensorSpec(shape, dtype))
        return found[0]

    assert chosen(65_536, 10).compiled
    assert chosen(65_536, 10).argmax == "lanes"
    assert chosen(16_384, 1009).compiled
    assert chosen(16_384, 1009).argmax == "lanes"
    assert not chosen(16_384, 1000, dtype="float64").compiled
    assert not chosen(None, 1000).compiled
    assert chosen(None, 1000).argmax == "blocks"
    assert not chosen(128, 100).compiled
    assert chosen(128, 100).argmax == "rows"
    assert chosen(65_536, 10, jit_compile=True).histogram == "segment_sum"
    assert not kernels.choose(tf.zeros([65_536, 10])).compiled, "eagerly each shape would compile"


def test_the_device_is_that_of_the_scope():
    found = []

    def step(scores):
        with tf.device("GPU:1"):
            found.append(kernels.device(scores))
        with tf.device("CPU:0"):
            found.append(kernels.device(scores))

    tf.function(step, autograph=False).get_concrete_function(tf.TensorSpec([2, 2]))
    assert found == ["GPU", "CPU"]


def test_an_override_ends_with_its_context_and_takes_what_there_is():
    scores = tf.zeros([4, 4])
    with kernels.override(device="GPU"), kernels.override(histogram="segment_sum"):
        assert kernels.choose(scores) == kernels.Kernels("GPU", histogram="segment_sum")
    assert kernels.choose(scores) == kernels.Kernels()
    first, second = kernels.override(compiled=True), kernels.override(argmax="blocks")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert kernels.choose(scores) == kernels.Kernels(argmax="blocks")
    second.__exit__(None, None, None)
    assert kernels.choose(scores) == kernels.Kernels()
    with pytest.raises(ValueError, match="compiled must be True or False"):
        kernels.override(compiled="no").__enter__()
    with pytest.raises(ValueError, match="histogram must be one of bincount"):
        kernels.override(histogram="sort").__enter__()
    with pytest.raises(TypeError, match="speed"):
        kernels.override(speed=1).__enter__()


@pytest.mark.parametrize("classes", [2, 31, 97, 101])
def test_few_or_indivisible_classes_make_no_blocks(classes):
    assert block_width(classes) is None


@pytest.mark.parametrize("classes", [100, 1000, 50_000, 30_522, 1_000_000])
def test_blocks_leave_little_to_look_at_twice(classes):
    width = block_width(classes)
    assert width is not None
    assert classes % width == 0
    assert width + classes // width < classes / 2


@pytest.mark.parametrize("replicas", [1, 3])
def test_compiled_counting_runs_on_every_replica(replicas):
    strategy = mirrored(replicas)
    random = np.random.default_rng(0)
    scores = random.random((replicas * 13_108, 10), np.float32)
    y_true = random.integers(0, 10, len(scores))
    with strategy.scope():
        metric = dist_f1.F1Score("macro")

    def per_replica(values):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                np.split(values, replicas)[context.replica_id_in_sync_group]
            )
        )

    @tf.function
    def step(y, s):
        strategy.run(lambda y, s: metric.update_state(y, s), (y, s))

    arguments = per_replica(y_true), per_replica(scores)
    called = step.get_concrete_function(*arguments).graph.as_graph_def().library.function
    assert any(function.attr["_XlaMustCompile"].b for function in called)
    for _ in range(2):
        step(*arguments)
    expected = by_numpy(y_true, scores, np.zeros(len(y_true), bool), 10)
    np.testing.assert_array_equal(metric.accumulator.layout.pack(metric.counts()), 2 * expected)
