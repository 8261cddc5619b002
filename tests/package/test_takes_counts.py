"""Functions of counts say what to pass instead of labels or a metric."""

import functools
import inspect

import numpy as np
import pytest

import dist_f1
from dist_f1 import pages, plots, scores

Y = np.array([0, 1, 2])
# Arguments of functions that need others too.
ARGUMENTS = {"confidence_interval": {"score": "f1_macro"}, "report_table": {"heading": ""}}


def public_functions(argument):
    """Return the public functions with such an argument, by name."""
    found = {}
    for module in (dist_f1, scores, plots, pages):
        for name in dir(module):
            function = getattr(module, name)
            if inspect.isfunction(function) and argument in inspect.signature(function).parameters:
                found[f"{module.__name__}.{name}"] = functools.partial(
                    function, **ARGUMENTS.get(name, {})
                )
    return found


TAKE_COUNTS = public_functions("counts")
METRIC = dist_f1.F1Score("macro", num_classes=3)
SWEEP = dist_f1.Sweep.from_scores([0, 1], [0.2, 0.7], thresholds=2)


def test_all_functions_are_found():
    functions = [row.function for row in scores.table.SCORES.values()]
    named = {getattr(function, "func", function) for function in functions}
    assert named <= {function.func for function in TAKE_COUNTS.values()}
    assert {"dist_f1.report", "dist_f1.plots.f1_bars", "dist_f1.pages.markdown"} <= set(TAKE_COUNTS)
    assert list(public_functions("sweep")) == ["dist_f1.plots.precision_recall"]


@pytest.mark.parametrize("function", TAKE_COUNTS.values(), ids=list(TAKE_COUNTS))
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Y, r"got ndarray. For labels, pass .*from_labels"),
        ([0, 1, 2], r"got list. For labels, pass .*from_labels"),
        (METRIC, r"got F1Score. For a metric, pass metric.counts\(\)"),
        (dist_f1.ThresholdSweep(), r"got ThresholdSweep. .*metric.sweep\(\).at\(threshold\)"),
        (SWEEP, r"got Sweep. For a sweep, pass sweep.at\(threshold\)"),
        ("counts.npz", r"got str. For a file, pass dist_f1.Counts.load\(path\)"),
    ],
)
def test_other_values_than_counts_are_named_with_the_remedy(function, value, message):
    with pytest.raises(ValueError, match=f"counts must be Counts, {message}"):
        function(counts=value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Y, r"got ndarray. For targets and scores, pass dist_f1.Sweep.from_scores"),
        (METRIC, r"got F1Score. It has counted at one threshold. Count with ThresholdSweep"),
        (SWEEP.at(0.5), r"got Counts. It has counted at one threshold"),
        (dist_f1.ThresholdSweep(), r"got ThresholdSweep. .*pass metric.sweep\(\)"),
    ],
)
def test_other_values_than_a_sweep_are_named_with_the_remedy(value, message):
    with pytest.raises(ValueError, match=f"precision_recall: sweep must be Sweep, {message}"):
        plots.precision_recall(value)


@pytest.mark.parametrize("page", [pages.html, pages.markdown_page])
@pytest.mark.parametrize("value", [Y, METRIC, SWEEP.at(0.5), pages.Text("a", "b")])
def test_pages_of_other_values_than_sections_name_the_remedy(page, value):
    with pytest.raises(TypeError, match=r"Sections must be .* pass \[report_table\("):
        page("Evaluation", value)


def test_two_arrays_are_named_too():
    for function in (dist_f1.report, scores.f1, plots.confusion_matrix, plots.precision_recall):
        with pytest.raises(ValueError, match="got ndarray"):
            function(Y, Y)


def test_counts_are_accepted_by_name():
    counts = dist_f1.Counts.from_labels(Y, Y, 3)
    assert float(scores.accuracy(counts=counts)) == 1.0
    with pytest.raises(TypeError, match="missing 1 required"):
        scores.accuracy()
