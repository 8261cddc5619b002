"""A `TPUStrategy` over simulated cores."""

import pytest
import tensorflow as tf
from helpers import tpu

from dist_f1 import testing
from dist_f1.replicas import contexts


@pytest.mark.parametrize(("replicas", "cores"), [(1, 1), (2, 2), (8, 2), (8, 1), (32, 2)])
def test_it_is_a_tpu_strategy_with_these_replicas(replicas, cores):
    strategy = testing.tpu_strategy(replicas, cores)
    assert isinstance(strategy, tf.distribute.TPUStrategy)
    assert strategy.num_replicas_in_sync == replicas
    assert contexts.is_tpu(strategy)


@pytest.mark.parametrize(("replicas", "cores"), [(0, 1), (-2, 2), (3, 2), (8, 3), (8, 0), (8.0, 2)])
def test_cores_that_do_not_fill_chips_raise(replicas, cores):
    with pytest.raises(ValueError, match=f"{replicas} replicas do not fill whole chips"):
        testing.tpu_strategy(replicas, cores)


def test_variables_are_on_the_logical_cpus_in_turn():
    with tpu(32).scope():
        variable = tf.Variable(0.0, synchronization=tf.VariableSynchronization.ON_READ)
    devices = [x.device for x in tpu(32).experimental_local_results(variable)]
    assert devices == [f"/job:localhost/replica:0/task:0/device:CPU:{i % 8}" for i in range(32)]


def test_a_traced_step_has_the_number_of_replicas():
    @tf.function(autograph=False)
    def step():
        return tpu(32).run(replica)

    def replica():
        context = tf.distribute.get_replica_context()
        return context.all_reduce("sum", tf.constant(1.0)), context.num_replicas_in_sync

    nodes = step.get_concrete_function().graph.as_graph_def().node
    (metadata,) = [node for node in nodes if node.op == "TPUReplicateMetadata"]
    assert metadata.attr["num_replicas"].i == 32
    assert [x.shape for x in testing.cross_replica_sums(step)] == [[]]
