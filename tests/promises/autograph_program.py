"""Traces every kind of metric with AutoGraph, for predictions of a dtype."""

import sys

import tensorflow as tf
from metric_cases import CASES

import dist_f1
from dist_f1 import Counts, scores

dtype = tf.as_dtype(sys.argv[1])


def trace(function, *values):
    specs = tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), values)
    tf.function(function).get_concrete_function(*specs)


def update_all_ways(case):
    metric = case.make()
    rows = {name: tf.constant(values) for name, values in case.rows.items()}
    floats = [name for name in rows if rows[name].dtype.is_floating]
    rows |= {name: tf.cast(rows[name], dtype) for name in floats}

    def step(rows):
        metric.update_state(**rows)
        return metric.result(), metric.counts()

    trace(step, rows)
    again = case.make()
    tf.function(again.update_state)(**rows)
    tf.function(again.update_state, jit_compile=True)(**rows)


def count(y_true, weight):
    counts = Counts.from_labels(y_true, y_true, 3, sample_weight=weight, confusion=True)
    total = dist_f1.all_reduce_sum({"weight": weight, "rows": tf.size(weight)})
    return scores.f1(counts, "macro"), scores.cohen_kappa(counts), total


for one in CASES.values():
    update_all_ways(one)
trace(count, tf.constant([0, 1, 2]), tf.ones([3], dtype))
if sys.argv[2:]:
    # AutoGraph cannot find the source of one of two lambdas on a line.
    functions = [lambda x: x + 1, lambda x: x + 2]
    tf.function(functions[0])(tf.ones([]))
