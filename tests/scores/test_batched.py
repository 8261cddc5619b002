"""Scores of counts with leading axes, and of tensors, equal the scores of each NumPy count."""

import numpy as np
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import assert_close, tasks
from tracing import graph_function

from dist_f1 import Counts, scores
from dist_f1.scores import score_sets

WHOLE = (
    scores.accuracy,
    scores.balanced_accuracy,
    scores.matthews_corrcoef,
    scores.cohen_kappa,
    scores.hamming_loss,
    scores.confusion_matrix,
    lambda counts: scores.cohen_kappa(counts, "quadratic"),
    lambda counts: scores.confusion_matrix(counts, "pred"),
)
RATIOS = (scores.f1, scores.precision, scores.recall, scores.specificity, scores.jaccard)


@settings(max_examples=settings.default.max_examples // 3)
@given(task=tasks(), groups=st.integers(1, 4), average=st.sampled_from([None, "micro", "macro"]))
def test_scores_of_groups_are_the_scores_of_each_group(task, groups, average):
    by = np.random.default_rng(len(task.y_true)).integers(0, groups, len(task.y_true))
    arguments = {"num_classes": task.num_classes, "confusion": True}
    together = Counts.from_labels(
        task.y_true, task.y_pred, sample_weight=task.weight, by=by, num_groups=groups, **arguments
    )
    averages = ("weighted", "samples") if task.is_multilabel else ("weighted",)
    for group in range(groups):
        own = by == group
        weight = None if task.weight is None else task.weight[own]
        alone = Counts.from_labels(
            task.y_true[own], task.y_pred[own], sample_weight=weight, **arguments
        ).numpy()
        for score in RATIOS:
            for chosen in (average, *averages):
                if chosen == "samples" and score is scores.specificity:
                    continue
                for counts in (together, together.numpy()):
                    assert_close(score(counts, chosen)[group], score(alone, chosen))
        whole = (WHOLE[0], *WHOLE[4:6]) if task.is_multilabel else WHOLE
        for score in whole:
            for counts in (together, together.numpy()):
                assert_close(score(counts)[group], score(alone))


@settings(max_examples=settings.default.max_examples // 3)
@given(task=tasks(), average=st.sampled_from([None, "micro", "macro", "weighted"]))
def test_tensors_in_a_graph_give_the_values_of_numpy(task, average):
    counts = task.counts()

    def family(counts):
        return [
            score(counts, average)
            for score in (scores.f1, scores.recall, scores.specificity, scores.jaccard)
        ] + [scores.accuracy(counts), scores.hamming_loss(counts)]

    for ours, expected in zip(graph_function(family)(counts), family(counts.numpy()), strict=True):
        assert ours.dtype == tf.float64
        assert_close(ours, expected)


def test_a_class_that_is_only_predicted_enters_macro_but_not_balanced_averages():
    y_true, y_pred = [0, 0, 1, 1], [0, 2, 1, 1]
    counts = Counts.from_labels(y_true, y_pred, num_classes=3).numpy()
    names = ("balanced_accuracy", "recall_macro", "f1_macro")
    values = score_sets.ScoreSet(score_sets.parse(names)).evaluate(counts)
    assert values["balanced_accuracy"] == 0.75
    assert values["recall_macro"] == 0.5
    assert values["recall_macro"] == sklearn.metrics.recall_score(y_true, y_pred, average="macro")
