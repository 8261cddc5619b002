"""Sums over rows cost a pass of their own. Metrics with a sample average count them, others not."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from checkpoints import restore, save
from comparisons import same

import dist_f1
from dist_f1 import Counts
from dist_f1.metrics.base import CountsMetric

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, (40, 3))
P = RANDOM.random((40, 3)).astype(np.float32)
SKLEARN = sklearn.metrics.f1_score(Y, P > 0.5, average="samples", zero_division=0)


class OfTheUser(CountsMetric):
    """May derive any score."""

    def score(self, counts):
        return dist_f1.scores.f1(counts, "samples")


WITH = {
    "f1": lambda: dist_f1.F1Score("samples", 0.5),
    "f2": lambda: dist_f1.FBetaScore("samples", 2.0, 0.5),
    "scores": lambda: dist_f1.Scores(["f1_macro", "recall_samples"], 0.5),
    "subset accuracy": lambda: dist_f1.Accuracy(0.5),
    "subset accuracy by name": lambda: dist_f1.Scores(["accuracy"], 0.5),
    "subclass": lambda: OfTheUser(0.5, "user"),
}
WITHOUT = {
    "f1": lambda: dist_f1.F1Score("macro", 0.5),
    "f2": lambda: dist_f1.FBetaScore("macro", 2.0, 0.5),
    "scores": lambda: dist_f1.Scores(["f1_macro", "hamming_loss"], 0.5),
    "hamming": lambda: dist_f1.HammingLoss(0.5),
}


def updated(make):
    metric = make()
    metric.update_state(Y, P)
    return metric


@pytest.mark.parametrize("name", WITH)
def test_a_metric_with_a_sample_average_counts_them(name):
    metric = updated(WITH[name])
    whole = Counts.from_labels(Y, (P > 0.5).astype(int), 3, betas=(2.0,)).numpy()
    counts = metric.counts().numpy()
    assert {"f1", "all_right"} <= counts.samples.keys()
    for ratio, sums in counts.samples.items():
        np.testing.assert_array_equal(sums, whole.samples[ratio])
    assert float(dist_f1.scores.f1(counts, "samples")) == pytest.approx(SKLEARN, abs=1e-12)
    assert "samples avg" in metric.report(output_dict=True)


@pytest.mark.parametrize("name", WITHOUT)
def test_other_metrics_do_not_and_say_what_to_pass(name):
    metric = updated(WITHOUT[name])
    counts = metric.counts()
    assert counts.samples == {}
    with pytest.raises(ValueError, match=r'average is "samples".*f1_samples'):
        dist_f1.scores.f1(counts, "samples")
    with pytest.raises(ValueError, match=r"Scores\(\['accuracy'\]\)"):
        dist_f1.scores.accuracy(counts)
    assert "samples avg" not in metric.report(output_dict=True)
    assert "samples avg: not counted" in metric.report()
    assert "samples avg: not" not in updated(WITH["f1"]).report()
    # No other line of the report changes.
    assert metric.report().startswith(
        "\n".join(x for x in updated(WITH["f1"]).report().split("\n") if "samples" not in x)
    )


@pytest.mark.parametrize("built", [False, True])
def test_a_checkpoint_with_sums_restores_into_a_metric_without(built, tmp_path):
    path = save(updated(WITH["f1"]), tmp_path)
    metric = updated(WITHOUT["f1"]) if built else WITHOUT["f1"]()
    restore(metric, path)
    same(metric.counts().numpy(), updated(WITHOUT["f1"]).counts().numpy())
    metric.update_state(Y, P)
    assert int(metric.counts().total) == 80


@pytest.mark.parametrize("built", [False, True])
def test_a_checkpoint_without_sums_raises_in_a_metric_with_a_sample_average(built, tmp_path):
    path = save(updated(WITHOUT["f1"]), tmp_path)
    metric = updated(WITH["f1"]) if built else WITH["f1"]()
    with pytest.raises(ValueError, match="samples of nothing"):
        restore(metric, path)


def test_merging_needs_sums_only_for_a_sample_average():
    into = updated(WITHOUT["f1"])
    into.merge_state([updated(WITH["f1"]), updated(WITHOUT["hamming"])])
    assert int(into.counts().total) == 120
    untouched = WITHOUT["f1"]()
    untouched.merge_state([updated(WITH["f1"])])
    untouched.update_state(Y, P)
    assert int(untouched.counts().total) == 80
    into = updated(WITH["f1"])
    with pytest.raises(ValueError, match="sample average"):
        into.merge_state([updated(WITHOUT["f1"])])
    assert int(into.counts().total) == 40


def test_a_sum_of_counts_has_the_sums_that_both_have():
    total = updated(WITH["f2"]).counts() + updated(WITH["f1"]).counts()
    assert total.samples.keys() == updated(WITH["f1"]).counts().samples.keys()
    assert float(dist_f1.scores.f1(total, "samples")) == pytest.approx(SKLEARN, abs=1e-12)
    total = updated(WITH["f1"]).counts() + updated(WITHOUT["f1"]).counts()
    assert total.samples == {}
    assert int(tf.convert_to_tensor(total.total)) == 80
