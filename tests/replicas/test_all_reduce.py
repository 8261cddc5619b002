"""One collective sums any nest over all replicas, wherever it is called."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from cluster import run_alone
from helpers import STRATEGIES, strategy
from tracing import graph_function

import dist_f1
from dist_f1 import Counts, all_reduce_sum, count_collectives
from dist_f1.replicas import contexts

BIG = 2**53 + 1
# Nothing here needs AutoGraph, which takes most of the time of a trace.
graph = functools.partial(tf.function, autograph=False)
FAST = ("mirrored_2",)
TIERS = [x if x in FAST else pytest.param(x, marks=pytest.mark.slow) for x in STRATEGIES]


@pytest.fixture(params=["one device", "collective"])
def way(request, monkeypatch):
    """Replicas on CPUs sum on one device; here they also use the collective of other devices."""
    if request.param == "collective":
        monkeypatch.setattr(contexts, "sums_on_one_device", lambda strategy: False)
    return request.param


def replica_value():
    """A nest of many dtypes, different on each replica."""
    return value_of(tf.distribute.get_replica_context().replica_id_in_sync_group)


def value_of(number):
    counts = Counts(*(tf.cast([number, 3], tf.int64) for _ in range(3)), 5 + 0 * number, number)
    return {
        "counts": tf.nest.map_structure(lambda x: tf.cast(x, tf.int64) + BIG, counts),
        "loss": [tf.cast(number, tf.float32) + 0.5, tf.cast(number, tf.float64) / 4],
        "half": tf.cast(tf.fill([2, 1], number), tf.float16),
        "small": tf.cast(number, tf.int8),
        "none": tf.zeros([0], tf.int64),
    }


def expected_sum(replicas):
    numbers = sum(range(replicas))
    big = BIG * replicas
    pair = [numbers + big, 3 * replicas + big]
    return {
        "counts": Counts(pair, pair, pair, 5 * replicas + big, numbers + big),
        "loss": [numbers + 0.5 * replicas, numbers / 4],
        "half": [[numbers], [numbers]],
        "small": numbers,
        "none": [],
    }


def check(structure, replicas):
    plain = tf.nest.map_structure(lambda x: x.numpy().tolist(), structure)
    assert plain == expected_sum(replicas)
    dtypes = [x.dtype for x in tf.nest.flatten(structure)]
    assert dtypes == [x.dtype for x in tf.nest.flatten(value_of(0))]


def sum_in_replica():
    return all_reduce_sum(replica_value())


def locals_of(chosen, structure):
    """The structure on each replica."""
    return [
        tf.nest.map_structure(lambda x, i=i: chosen.experimental_local_results(x)[i], structure)
        for i in range(chosen.num_replicas_in_sync)
    ]


def in_while(chosen):
    def body(step, _):
        return step + 1, locals_of(chosen, chosen.run(sum_in_replica))[-1]

    start = tf.nest.map_structure(tf.zeros_like, value_of(0))
    return tf.while_loop(lambda step, _: step < 3, body, [0, start])[1]


def in_a_function_called_from_a_branch_of_a_loop(chosen):
    """As Keras calls its step when `steps_per_execution` is not 1."""
    step = graph(lambda: locals_of(chosen, chosen.run(sum_in_replica))[-1])
    start = tf.nest.map_structure(tf.zeros_like, value_of(0))
    return tf.while_loop(
        lambda index, _: index < 3,
        lambda index, value: (index + 1, tf.cond(index >= 0, step, lambda: value)),
        [0, start],
    )[1]


def test_replicas_on_cpus_wait_for_one_device(way):
    chosen = strategy("mirrored_3")
    step = graph_function(lambda: chosen.run(sum_in_replica))
    ops = {op.type for op in step.get_concrete_function().graph.get_operations()}
    assert ("CollectiveReduceV2" in ops) == (way == "collective")
    assert count_collectives(step) == 1


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", TIERS)
def test_the_call_works_in_replicas_in_every_context(name):
    chosen = strategy(name)
    replicas = chosen.num_replicas_in_sync
    compiled = graph(lambda: chosen.run(sum_in_replica))
    branch = graph(lambda: in_a_function_called_from_a_branch_of_a_loop(chosen))
    for run in (lambda: chosen.run(sum_in_replica), compiled):
        for structure in locals_of(chosen, run()):
            check(structure, replicas)
    check(graph(lambda: in_while(chosen))(), replicas)
    check(branch(), replicas)
    # Any number of tensors takes one collective.
    for step in (compiled, branch):
        assert count_collectives(step) == int(replicas > 1)


@pytest.mark.parametrize("name", TIERS)
def test_the_call_works_outside_of_replicas_on_results_of_run(name):
    chosen = strategy(name)
    replicas = chosen.num_replicas_in_sync
    values = chosen.run(replica_value)
    step = graph(lambda: all_reduce_sum(chosen.run(replica_value)))
    with chosen.scope():
        check(all_reduce_sum(values), replicas)
        check(step(), replicas)
        assert count_collectives(step) == int(replicas > 1)
    check(all_reduce_sum(values), replicas)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "name",
    [
        "mirrored_2",
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("none", "mirrored_1", "central_3")),
    ],
)
def test_the_gradient_of_a_sum_over_replicas_is_the_sum_of_gradients(name):
    chosen = strategy(name)
    replicas = chosen.num_replicas_in_sync

    def gradient():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        x = tf.cast(number, tf.float32) + 1.0
        with tf.GradientTape() as tape:
            tape.watch(x)
            total, _ = all_reduce_sum((x * x, tf.constant(1, tf.int64)))
        return tape.gradient(total, x)

    def step():
        return locals_of(chosen, chosen.run(gradient))

    def called():
        function = graph(step)
        return tf.cond(tf.constant(True), function, function)

    for values in (step(), graph(step)(), graph(called)()):
        assert [float(x) for x in values] == [2.0 * replicas * (i + 1) for i in range(replicas)]


def test_distributed_variables_sum_their_components():
    chosen = strategy("mirrored_3")
    with chosen.scope():
        variable = tf.Variable(
            tf.zeros([2], tf.int64),
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
    chosen.run(lambda: variable.assign_add([1, BIG]))
    assert all_reduce_sum([variable])[0].numpy().tolist() == [3, 3 * BIG]
    with chosen.scope():
        assert all_reduce_sum(variable).numpy().tolist() == [3, 3 * BIG]
    inside = chosen.run(lambda: all_reduce_sum(variable))
    assert chosen.experimental_local_results(inside)[2].numpy().tolist() == [3, 3 * BIG]


def test_without_replicas_values_are_returned_as_tensors():
    ours = all_reduce_sum({"a": 1, "b": [2.5, np.int64(3)]})
    assert tf.nest.map_structure(lambda x: x.numpy(), ours) == {"a": 1, "b": [2.5, 3]}
    assert all_reduce_sum({}) == {}
    with strategy("mirrored_2").scope():
        assert all_reduce_sum([]) == []


@pytest.mark.parametrize(
    ("leaf", "match"),
    [
        (lambda: tf.constant("text"), "string"),
        (lambda: tf.constant(True), "bool"),
        (lambda: tf.ragged.constant([[1], [2, 3]]), "RaggedTensor"),
        (lambda: None, "numeric"),
    ],
)
def test_leaves_that_are_not_numeric_raise(leaf, match):
    with pytest.raises(ValueError, match=match):
        all_reduce_sum([leaf(), 1])
    with pytest.raises(ValueError, match=match):
        strategy("mirrored_2").run(lambda: all_reduce_sum([leaf(), 1]))


def test_a_sum_in_a_branch_of_a_replica_names_the_remedy():
    def replica():
        zero = tf.constant(0.0)
        return tf.cond(zero < tf.random.uniform([]), lambda: all_reduce_sum(1.0), lambda: zero)

    with pytest.raises(RuntimeError, match=r"branch.*put the branch around strategy.run"):
        graph_function(lambda: strategy("mirrored_2").run(replica))()


def test_one_value_for_all_replicas_raises_outside_of_replicas():
    """It is ambiguous: the value could count once, or once for each replica."""
    chosen = strategy("mirrored_2")
    with chosen.scope(), pytest.raises(ValueError, match=r"values of 2 replicas.*strategy\.run"):
        all_reduce_sum(tf.constant(1))
    values = chosen.run(replica_value)
    with chosen.scope(), pytest.raises(ValueError, match="one value for all"):
        all_reduce_sum([values, 1])


@pytest.mark.parametrize("other", ["one_device", "mirrored_1", "mirrored_2"])
def test_values_of_another_strategy_raise_in_the_scope_of_a_strategy(other):
    values = strategy("mirrored_3").run(replica_value)
    with strategy(other).scope(), pytest.raises(ValueError, match=r"values of 3 replicas.* has"):
        all_reduce_sum(values)


@pytest.mark.slow
def test_shapes_that_differ_between_replicas_raise_and_do_not_hang():
    # A failed collective breaks all later ones of its process.
    out = run_alone("loops.shapes_that_differ", devices=2).result
    assert "same" in out["outside"]
    assert "same" in out["inside"]


def test_the_function_is_public():
    assert dist_f1.all_reduce_sum is all_reduce_sum
