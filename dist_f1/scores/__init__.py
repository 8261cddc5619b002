"""Scores: pure functions of `Counts`.

    counts = Counts.from_labels(y_true, y_pred, num_classes=3)
    f1(counts, average="macro")

Values are float64: NumPy for NumPy counts, and tensors for tensors. Leading axes of the counts
(e.g. of groups) are leading axes of the result. The values are scikit-learn's, with these common
arguments:

- `average`: How the scores of the C classes are averaged.

  - `None`: not at all. The result is `[C]`, or one entry for each of `labels`.
  - `"binary"`: the score of the class `pos_label` of two classes.
  - `"micro"`: the score of the counts summed over classes.
  - `"macro"`: the mean. Without `labels`, classes that neither occur nor are predicted are left
    out, unless a row may have several classes: then all C classes enter.
  - `"weighted"`: the mean weighted by support.
  - `"samples"`: the mean over rows of the score of each row (where a row may have several classes).

- `zero_division`: Value of a score that is 0 / 0: 0, 1 or NaN. Averages leave NaN out.
- `labels`: The classes that enter the result, by default all. Sample averages always use all.
- `pos_label`: For `"binary"`, the positive class.

Binary counts of one class give the score of the positive class under every average, as in Keras.
To average over both classes, as scikit-learn does, pass `counts.to_two_class()`, or `labels=[0, 1]`
for the negative and the positive class.

All functions raise `ValueError` for an unknown `average`, a `zero_division` other than 0, 1 and
NaN, `labels` that are repeated or outside `[0, C)`, and `"binary"` with more than two classes. A
row of weight 0 does not make a class occur. Invalid rows raise no error here, but in `result()` and
`report()` of a metric.

Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification
tasks", Information Processing & Management 45(4), 2009; van Rijsbergen, "Information Retrieval",
1979, for F-beta.
"""

from dist_f1.scores.agreement import Weights as Weights
from dist_f1.scores.agreement import accuracy as accuracy
from dist_f1.scores.agreement import balanced_accuracy as balanced_accuracy
from dist_f1.scores.agreement import cohen_kappa as cohen_kappa
from dist_f1.scores.agreement import hamming_loss as hamming_loss
from dist_f1.scores.agreement import matthews_corrcoef as matthews_corrcoef
from dist_f1.scores.confusion import Normalize as Normalize
from dist_f1.scores.confusion import confusion_matrix as confusion_matrix
from dist_f1.scores.ratios import Average as Average
from dist_f1.scores.ratios import f1 as f1
from dist_f1.scores.ratios import f_beta as f_beta
from dist_f1.scores.ratios import jaccard as jaccard
from dist_f1.scores.ratios import precision as precision
from dist_f1.scores.ratios import recall as recall
from dist_f1.scores.ratios import specificity as specificity
