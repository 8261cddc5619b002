"""Graphs and sessions on logical devices."""

import contextlib

import helpers
import numpy as np
import tensorflow as tf

FUNCTIONS = ("f1_score", "f_beta", "precision", "recall", "confusion_counts", "eval_metric_ops")


def strategy(name):
    """Return the strategy in whose scope a graph is built, or `None`."""
    return None if name == "none" else helpers.strategy(name)


def replicas_of(name):
    return int(name.partition("_")[2]) if name.startswith("mirrored") else 1


@contextlib.contextmanager
def session(graph=None):
    with tf.compat.v1.Session(
        graph=graph, config=tf.compat.v1.ConfigProto(device_count={"CPU": 8})
    ) as opened:
        yield opened


class PairGraph:
    """A graph of pairs, with one `labels` and one `scores` placeholder per replica.

    `make(labels, scores)` returns `(value, update_op)`, which may be nests.
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
        """Return the feed of one batch `(labels, scores)` per replica."""
        feed = {}
        for labels, scores, batch in zip(self.labels, self.scores, batches, strict=True):
            feed[labels], feed[scores] = batch
        return feed


def run(make, classes, steps, strategy_name="none"):
    """Return the value after all steps, each with one batch per replica."""
    pairs = PairGraph(make, classes, strategy_name)
    with session(pairs.graph) as opened:
        opened.run(pairs.initializer)
        for batches in steps:
            opened.run(pairs.update, pairs.feed(batches))
        return opened.run(pairs.value)


def evaluate(function, *args, **options):
    """Return the value after one update."""
    with tf.Graph().as_default(), session() as opened:
        pair = function(*args, **options)
        pairs = pair if isinstance(pair, dict) else {"": pair}
        opened.run(tf.compat.v1.local_variables_initializer())
        opened.run([update for _, update in pairs.values()])
        values = opened.run({name: value for name, (value, _) in pairs.items()})
        return values if isinstance(pair, dict) else values[""]


def random_steps(replicas, classes, steps=4, seed=0):
    """Return batches of different sizes, some of them empty."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, [steps, replicas])
    sizes[0, 1:] = 0
    return [
        [(rng.integers(0, classes, n), rng.random((n, classes)).astype(np.float32)) for n in row]
        for row in sizes
    ]


def union(steps):
    """Return all labels and decisions of the steps."""
    batches = [batch for step in steps for batch in step]
    labels = np.concatenate([labels for labels, _ in batches])
    return labels, np.concatenate([scores.argmax(axis=-1) for _, scores in batches])
