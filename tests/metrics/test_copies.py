"""Copies and pickles of a metric keep its counts, and count on by themselves."""

import copy
import pickle

import numpy as np
import pytest
from comparisons import same
from helpers import scores_for, strategy

import dist_f1

Y = np.array([0, 1, 2, 2, 1, 0])
SCORES = scores_for(np.array([0, 2, 2, 1, 1, 1]), 3)


def pickled(metric):
    return pickle.loads(pickle.dumps(metric))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0, 1.0, 0.25, 3.0]])
def test_a_copy_has_the_counts_and_shares_none_of_them(duplicate, name, weight):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_groups=2)
    arguments = (Y, SCORES, weight, None, [0, 1, 0, 1, 0, 1])
    chosen.run(metric.update_state, arguments)
    before = metric.counts().numpy()
    with chosen.scope():
        other = duplicate(metric)
    same(other.counts().numpy(), before)
    assert float(other.result()) == float(metric.result())
    chosen.run(other.update_state, arguments)
    same(other.counts().numpy(), (before + before))
    same(metric.counts().numpy(), before)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
def test_a_copy_of_a_new_metric_is_undecided(duplicate):
    metric = duplicate(dist_f1.F1Score("macro", num_classes=3))
    metric.update_state(Y, SCORES, np.full(6, 0.5))
    assert float(metric.counts().total) == 3.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
@pytest.mark.parametrize("kind", ["scores", "sweep"])
def test_metrics_that_return_a_dict_are_copied(duplicate, kind):
    make = {"scores": lambda: dist_f1.Scores(["f1_macro", "accuracy"], prefix="a_")}
    make["sweep"] = lambda: dist_f1.ThresholdSweep(10)
    metric = make[kind]()
    metric.update_state(Y, SCORES)
    assert duplicate(metric).result() == metric.result()
    assert duplicate(metric).get_config() == metric.get_config()
