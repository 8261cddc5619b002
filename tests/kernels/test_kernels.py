"""Every choice of kernels counts the same integers from the same rows."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored

import dist_f1
from dist_f1 import kernels
from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counting import CountSpec
from dist_f1.counts.causes import CAUSES
from dist_f1.kernels import choice

# Divisible into blocks, or prime; below and above the limits of blocks and lanes.
CLASSES = (3, 100, 421, 2, 101, 300)
OVERRIDES = [
    {"argmax": search, "histogram": histogram, "compiled": compiled}
    for search, histogram, compiled in itertools.product(
        ("rows", "blocks", "lanes", "keys"),
        ("bincount", "segment_sum", "matmul"),
        (False, True),
    )
]


def batch(classes, seed=0, dtype="float32", rows=60):
    """Rows with ties, infinite scores, NaN, and ids that are no class."""
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 3, (rows, classes)).astype("float32")
    scores[random.random(scores.shape) < 0.02] = np.inf
    scores[random.random(scores.shape) < 0.02] = -np.inf
    has_nan = random.random(rows) < 0.2
    scores[has_nan, random.integers(0, classes, rows)[has_nan]] = np.nan
    y_true = random.integers(-1, classes + 1, rows)
    return y_true, tf.cast(scores, dtype), has_nan


def by_numpy(y_true, scores, has_nan, classes):
    """The vector of counts, from NumPy alone."""
    valid = ~has_nan & (y_true >= 0) & (y_true < classes)
    y, p = y_true[valid], np.argmax(np.asarray(scores, np.float32)[valid], axis=-1)
    histograms = [np.bincount(ids, minlength=classes) for ids in (y[y == p], p, y)]
    special = {-1: "negative_one", 255: "value_255", classes: "num_classes"}
    names = [
        "prediction" if nan else special.get(label, "label")
        for label, nan in zip(y_true[~valid].tolist(), has_nan[~valid], strict=True)
    ]
    return np.concatenate([*histograms, [valid.sum()], [names.count(x) for x in CAUSES[:-1]]])


def vector(y_true, scores, rule=DecisionRule(), **arguments):  # noqa: B008
    spec, rows = CountSpec(rule), inputs.flatten(y_true, scores, rule=rule, **arguments)
    return spec.count(rows, spec.layout_of(rows))


def traced(**options):
    """A new function, because a choice of kernels stays with the trace."""
    return tf.function(lambda y, s: vector(y, s), autograph=False, **options)


def _choices():
    """The rows of the table. The fast tier has all of them without XLA, and one compiled by it."""
    for conditions, chosen in choice.TABLE.items():
        uses_xla = chosen.compiled or conditions[1] is True
        name = "-".join(map(str, conditions))
        for classes in CLASSES:
            is_fast = classes == 100 if conditions[1] else classes in CLASSES[:3]
            marks = [] if is_fast else [pytest.mark.slow]
            yield pytest.param(
                conditions, classes, False, id=f"{name}-{classes}-plain", marks=marks
            )
            if uses_xla:
                marks = [] if chosen.compiled and classes == 100 else [pytest.mark.slow]
                yield pytest.param(conditions, classes, True, id=f"{name}-{classes}", marks=marks)


def test_seven_choices_occur():
    assert len(choice.TABLE) == len(set(choice.TABLE.values())) == 7


@pytest.mark.parametrize(("conditions", "classes", "uses_xla"), _choices())
def test_every_choice_counts_the_same(conditions, classes, uses_xla):
    y_true, scores, has_nan = batch(classes, seed=classes)
    fields = dataclasses.asdict(choice.TABLE[conditions])
    if not uses_xla:
        fields["compiled"] = False
    with kernels.override(**fields):
        step = traced(jit_compile=uses_xla and conditions[1] is True)
        counted = step(tf.constant(y_true), scores)
    np.testing.assert_array_equal(counted, by_numpy(y_true, scores, has_nan, classes))


@pytest.mark.slow
@pytest.mark.parametrize("fields", OVERRIDES, ids=lambda c: "-".join(map(str, c.values())))
def test_overrides_that_are_never_chosen_count_the_same(fields):
    for classes in (3, 100):
        y_true, scores, has_nan = batch(classes, seed=classes)
        with kernels.override(**fields):
            counted = traced()(tf.constant(y_true), scores)
        np.testing.assert_array_equal(counted, by_numpy(y_true, scores, has_nan, classes))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("search", ["blocks", "lanes", "keys"])
def test_scores_may_have_any_float_dtype(dtype, compiled, search):
    y_true, scores, has_nan = batch(100, seed=7, dtype=dtype)
    with kernels.override(argmax=search, compiled=compiled):
        counted = traced()(tf.constant(y_true), scores)
    np.testing.assert_array_equal(counted, by_numpy(y_true, scores, has_nan, 100))


@pytest.mark.parametrize(
    ("classes", "compiled", "jit_compile"),
    [
        (3, False, False),
        (1000, False, False),
        (3, True, False),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                (100, False, False),
                (100, True, False),
                (1000, True, False),
                (3, False, True),
                (100, False, True),
                (1000, False, True),
            ]
        ),
    ],
)
def test_a_nan_is_found_at_every_position(classes, compiled, jit_compile):
    scores = np.zeros([classes + 1, classes], np.float32)
    scores[:, 0], scores[1::2, -1] = np.inf, -np.inf
    scores[np.arange(classes), np.arange(classes)] = np.nan
    is_nan = np.arange(classes + 1) < classes
    y_true = np.zeros(classes + 1, np.int64)
    with kernels.override(compiled=compiled):
        counted = traced(jit_compile=jit_compile)(y_true, scores)
    np.testing.assert_array_equal(counted, by_numpy(y_true, scores, is_nan, classes))


@pytest.mark.parametrize(
    ("classes", "rule"),
    [
        (300, DecisionRule()),
        *(
            pytest.param(classes, rule, marks=pytest.mark.slow)
            for classes, rule in [
                (8, DecisionRule()),
                (8, DecisionRule(0.5)),
                (300, DecisionRule(0.5)),
                (1000, DecisionRule()),
                (1000, DecisionRule(0.5)),
            ]
        ),
    ],
)
def test_a_nan_is_found_in_a_step_that_is_traced_first_and_compiled_later(classes, rule):
    y_true, scores, has_nan = batch(classes, seed=1)
    valid = int(np.sum(~has_nan & (y_true >= 0) & (y_true < classes)))
    if rule.threshold is not None:
        y_true = np.clip(y_true, 0, classes - 1)
        valid = int(np.sum(~has_nan))
    step = tf.function(lambda y, s: vector(y, s, rule), autograph=False)
    layout = CountSpec(rule).layout(classes)

    def rows(counted):
        counts = layout.unpack(counted)
        return int(counts.total), int(counts.invalid)

    expected = valid, len(scores) - valid
    arguments = tf.constant(y_true), scores
    assert rows(step(*arguments)) == expected
    later = tf.function(lambda y, s: step(y, s), autograph=False, jit_compile=True)
    assert rows(later(*arguments)) == expected
    concrete = step.get_concrete_function(*arguments)
    assert rows(tf.function(lambda y, s: concrete(y, s), jit_compile=True)(*arguments)) == expected


@pytest.mark.parametrize(
    "search",
    ["lanes", *(pytest.param(x, marks=pytest.mark.slow) for x in ("rows", "blocks", "keys"))],
)
def test_subnormal_scores_tie_with_zero_in_every_compiled_search(search):
    scores = np.zeros([40, 100], np.float32)
    scores[:, 2] = 1e-40
    with kernels.override(argmax=search, compiled=True):
        counted = traced()(tf.zeros([40], tf.int64), scores)
    assert list(counted[:3]) == [40, 0, 0]


@pytest.mark.slow
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
