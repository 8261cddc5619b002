"""Scores: pure functions of `Counts`.

    counts = Counts.from_labels(y_true, y_pred, num_classes=3)
    f1(counts, average="macro")

Values are float64, NumPy on NumPy counts and tensors on tensors; leading axes of the counts (of
groups, say) are those of the result. They are scikit-learn's, under these common arguments:

average: how the scores of the C classes become one.
    `None`: they do not; the result is `[C]`, or one entry for each of `labels`.
    `"binary"`: the class `pos_label` of two classes.
    `"micro"`: from the counts summed over classes.
    `"macro"`: their mean. Without `labels`, a class that neither occurs nor is predicted does
    not enter it, unless rows may name several classes: then all C enter.
    `"weighted"`: their mean, weighted by support.
    `"samples"`: the mean over rows of each row's own score (where rows may name several).
zero_division: the score where it is 0 / 0: 0, 1 or NaN. Averages leave NaN out.
labels: the classes that enter the result, by default all. Sample averages take all.
pos_label: for `"binary"`, the class that counts as positive.

Binary counts of one class are scored as that class, in every average, as in Keras; scikit-learn
averages over both sides. `counts.to_two_class()` does that, and `labels` of 0 and 1 name the sides.

They raise `ValueError` for an unknown `average`, a `zero_division` other than 0, 1 and NaN,
`labels` outside `[0, C)` or given twice, and `"binary"` with more than two classes. A row of
weight 0 does not make a class occur. They do not ask whether rows were invalid; `result()` and
`report()` of a metric do.

Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification
tasks", Information Processing & Management 45(4), 2009; van Rijsbergen, "Information Retrieval",
1979, for F-beta.
"""

from dist_f1.scores.agreement import (
    Weights,
    accuracy,
    balanced_accuracy,
    cohen_kappa,
    hamming_loss,
    matthews_corrcoef,
)
from dist_f1.scores.confusion import Normalize, confusion_matrix
from dist_f1.scores.ratios import Average, f1, f_beta, jaccard, precision, recall, specificity

__all__ = [
    "Average",
    "Normalize",
    "Weights",
    "accuracy",
    "balanced_accuracy",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "f_beta",
    "hamming_loss",
    "jaccard",
    "matthews_corrcoef",
    "precision",
    "recall",
    "specificity",
]
