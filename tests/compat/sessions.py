"""Graphs and sessions on several logical devices."""

import contextlib

import helpers
import numpy as np
import tensorflow as tf


def strategy(name):
    """`none`, or one in whose scope a graph is built."""
    return None if name == "none" else helpers.strategy(name)


@contextlib.contextmanager
def session(graph=None):
    with tf.compat.v1.Session(
        graph=graph, config=tf.compat.v1.ConfigProto(device_count={"CPU": 8})
    ) as opened:
        yield opened


class Streamed:
    """Pairs in a graph of their own, one `labels` and `scores` placeholder for each replica.

    `make(labels, scores)` returns `(value, update_op)`, with nests of values.
    """

    def __init__(self, make, classes, strategy_name="none", label_dtype=tf.int64):
        self.graph = tf.Graph()
        self.strategy = strategy(strategy_name)
        replicas = self.strategy.num_replicas_in_sync if self.strategy else 1
        with self.graph.as_default():
            self.labels = [tf.compat.v1.placeholder(label_dtype, [None]) for _ in range(replicas)]
            shape = [None, classes] if classes else [None]
            self.scores = [tf.compat.v1.placeholder(tf.float32, shape) for _ in range(replicas)]

            def replica():
                context = tf.distribute.get_replica_context()
                index = int(tf.get_static_value(context.replica_id_in_sync_group))
                return make(self.labels[index], self.scores[index])

            if self.strategy is None:
                self.value, self.update = replica()
            else:
                with self.strategy.scope():
                    self.value, update = self.strategy.run(replica)
                self.update = tf.nest.map_structure(
                    self.strategy.experimental_local_results, update
                )
            self.initializer = tf.compat.v1.local_variables_initializer()

    def feed(self, batches):
        """One batch `(labels, scores)` for each replica."""
        feed = {}
        for labels, scores, batch in zip(self.labels, self.scores, batches, strict=True):
            feed[labels], feed[scores] = batch
        return feed


def run(make, classes, steps, strategy_name="none"):
    """The value after all steps; each is a batch for each replica."""
    streamed = Streamed(make, classes, strategy_name)
    with session(streamed.graph) as opened:
        opened.run(streamed.initializer)
        for batches in steps:
            opened.run(streamed.update, streamed.feed(batches))
        return opened.run(streamed.value)


def random_steps(replicas, classes, steps=4, seed=0):
    """Batches of uneven size, some of them empty."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, [steps, replicas])
    sizes[0, 1:] = 0
    return [
        [(rng.integers(0, classes, n), rng.random((n, classes)).astype(np.float32)) for n in row]
        for row in sizes
    ]


def union(steps):
    """All labels and decisions of the steps."""
    batches = [batch for step in steps for batch in step]
    labels = np.concatenate([labels for labels, _ in batches])
    return labels, np.concatenate([scores.argmax(axis=-1) for _, scores in batches])
