"""Custom loops."""

import contextlib

import numpy as np
import tensorflow as tf
from shards import CLASSES
from tracing import graph_function
from worker_steps import columns_of, compile_step, fields, to_lists

import dist_f1


def custom_loop(strategy, steps):
    """Count shards of unequal size; read in each step, after the first step and at the end."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
        weighted = dist_f1.F1Score("weighted", num_classes=CLASSES, weighted=True)
        quiet = dist_f1.F1Score("micro", num_classes=CLASSES, sync="epoch")

    def update(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred)
        quiet.update_state(y_true, y_pred)
        weighted.update_state(y_true, y_pred, weight)
        quiet.result()

    def update_and_read(y_true, y_pred, weight):
        update(y_true, y_pred, weight)
        return metric.result()

    def sums(y_true, y_pred, weight):
        return dist_f1.all_reduce_sum(
            {
                "rows": tf.size(y_true, tf.int64) + 2**60,
                "right": tf.reduce_sum(tf.cast(y_true == y_pred, tf.int32)),
                "weight": [tf.reduce_sum(weight), tf.cast(tf.size(y_true), tf.float16)],
            }
        )

    silent, step, summing = (compile_step(strategy, f) for f in (update, update_and_read, sums))
    logs, after_first = [], None
    for index in range(int(steps)):
        columns = columns_of(strategy, index)
        # The second step runs eagerly.
        value = strategy.run(update_and_read, columns) if index == 1 else step(*columns)
        logs.append(to_lists(list(strategy.experimental_local_results(value))))
        if index == 0:
            after_first = fields(metric.counts())
    example = columns_of(strategy, 0)
    totals = strategy.run(sums, example), summing(*example)
    rows = strategy.run(lambda y_true, *_: tf.size(y_true), example)
    with strategy.scope():
        outside = dist_f1.all_reduce_sum([rows])[0]
        read = graph_function(lambda: metric.result())
    errors = []
    for scope in (strategy.scope(), contextlib.nullcontext()):
        try:
            with scope:
                metric.update_state([0], np.array([0]))
        except ValueError as error:
            errors.append(str(error))
    return {
        "replicas": strategy.num_replicas_in_sync,
        "local": len(strategy.extended.worker_devices),
        "logs": logs,
        "after_first": after_first,
        "counts": fields(metric.counts()),
        "weighted": fields(weighted.counts()),
        "quiet": fields(quiet.counts()),
        "result": float(metric.result()),
        "compiled": float(read()),
        "report": metric.report(),
        "sums": [
            to_lists(tf.nest.map_structure(lambda x: strategy.experimental_local_results(x)[-1], t))
            for t in totals
        ],
        "outside": int(outside),
        "errors": errors,
        "collectives": {
            "update": dist_f1.count_collectives(silent, *example),
            "update_and_read": dist_f1.count_collectives(step, *example),
            "read": dist_f1.count_collectives(read),
            "sums": dist_f1.count_collectives(summing, *example),
        },
    }


def scores_and_sweeps(strategy, steps):
    """Read scores by group, and counts at thresholds, inside the step."""
    names = ["f1_macro", "cohen_kappa_quadratic", "accuracy_by_group", "accuracy_gap"]
    with strategy.scope():
        scores = dist_f1.Scores(names, num_classes=CLASSES, num_groups=2)
        sweep = dist_f1.ThresholdSweep([0.25, 0.5, 0.75], num_classes=1)

    def replica(y_true, y_pred, weight):
        scores.update_state(y_true, y_pred, by=y_true % 2)
        # Use the weights as probabilities of the last class.
        sweep.update_state(y_true == CLASSES - 1, weight / 3.0)
        return scores.result(), sweep.result()

    step = compile_step(strategy, replica)
    for index in range(int(steps)):
        inside = step(*columns_of(strategy, index))
    local = tf.nest.map_structure(lambda x: strategy.experimental_local_results(x)[-1], inside)
    return {
        "inside": to_lists(local),
        "outside": to_lists([scores.result(), sweep.result()]),
        "at_half": fields(sweep.sweep().at(0.5)),
        "collectives": dist_f1.count_collectives(step, *columns_of(strategy, 0)),
    }


def uneven_datasets(strategy):
    """Give each worker its own number of batches."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    worker = strategy.cluster_resolver.task_id
    rows = 7 * (1 + 2 * worker)
    random = np.random.default_rng(worker)
    columns = random.integers(0, CLASSES, rows), random.integers(0, CLASSES, rows)
    data = strategy.distribute_datasets_from_function(
        lambda _: tf.data.Dataset.from_tensor_slices(columns).batch(3)
    )

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    logs = []

    @graph_function
    def step(iterator):
        return strategy.run(replica, next(iterator))

    iterator = iter(data)
    while True:
        try:
            logs.append(float(strategy.experimental_local_results(step(iterator))[0]))
        except (StopIteration, tf.errors.OutOfRangeError):
            break
    return {"rows": to_lists(columns), "logs": logs, "result": float(metric.result())}


def epochs_of_unequal_length(strategy):
    """Give each worker its own number of steps. Nothing is sent inside a step."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES, sync="epoch")
    step = compile_step(strategy, lambda y, p, _: metric.update_state(y, p) and None)
    totals = []
    for epoch in range(2):
        # In the first epoch, one worker has no rows.
        for index in range(2 * epoch + 3 * strategy.cluster_resolver.task_id):
            step(*columns_of(strategy, index))
        totals.append(fields(metric.counts())["total"])
        metric.reset_state()
    return {"totals": totals}


def shapes_that_differ(strategy):
    """Sum tensors whose shapes differ between replicas."""
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.zeros([1 + 2 * context.replica_id_in_sync_group])
    )
    errors = {}
    calls = {
        "outside": lambda: dist_f1.all_reduce_sum(values),
        "inside": lambda: strategy.run(dist_f1.all_reduce_sum, (values,)),
    }
    for where, call in calls.items():
        try:
            call()
        except (ValueError, tf.errors.OpError) as error:
            errors[where] = str(error)
    return errors
