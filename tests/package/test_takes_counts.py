"""Functions of counts say what to pass instead of labels or a metric."""

import functools

import numpy as np
import pytest

import dist_f1
from dist_f1 import pages, plots, scores

Y = np.array([0, 1, 2])
FUNCTIONS = {
    "report": dist_f1.report,
    "confidence_interval": functools.partial(dist_f1.confidence_interval, score="f1_macro"),
    "plots.confusion_matrix": plots.confusion_matrix,
    "plots.f1_bars": plots.f1_bars,
    "pages.markdown": pages.markdown,
    **{f"scores.{name}": row.function for name, row in scores.table.SCORES.items()},
    "scores.confusion_matrix": scores.confusion_matrix,
    "scores.f_beta": scores.f_beta,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_labels_and_metrics_are_named_with_the_remedy(function):
    with pytest.raises(ValueError, match=r"got ndarray. For labels, pass .*from_labels"):
        function(Y)
    metric = dist_f1.F1Score("macro", num_classes=3)
    with pytest.raises(ValueError, match=r"got F1Score. For a metric, pass metric.counts\(\)"):
        function(metric)


def test_two_arrays_are_named_too():
    for function in (dist_f1.report, scores.f1, scores.accuracy, plots.confusion_matrix):
        with pytest.raises(ValueError, match="got ndarray"):
            function(Y, Y)


def test_counts_are_accepted_by_name():
    counts = dist_f1.Counts.from_labels(Y, Y, 3)
    assert float(scores.accuracy(counts=counts)) == 1.0
    with pytest.raises(TypeError, match="missing 1 required"):
        scores.accuracy()


@pytest.mark.parametrize("which", [0, 1])
def test_arrays_of_objects_and_float_ids_are_named(which):
    ragged = np.empty(2, object)
    ragged[:] = [[0.1, 0.9], [0.2]]
    arguments = [np.array([0, 1]), np.eye(2)]
    arguments[which] = ragged
    with pytest.raises(ValueError, match=r"array of Python objects.*equal length"):
        dist_f1.F1Score("macro").update_state(*arguments)
    with pytest.raises(ValueError, match="integers for ids of classes"):
        dist_f1.F1Score("macro", num_classes=2).update_state([0, 1], [0.0, 1.0])
