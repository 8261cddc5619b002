"""Hints for arguments that other libraries have."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

_MULTILABEL = "Pass num_classes=, and threshold= to decide each class separately."
_UPDATE = "Pass it to update_state."
_WEIGHT = "Pass sample_weight to update_state."
_REPORT = "Pass it to report()."
_CURVE = "Curves and their areas are those of ThresholdSweep."
_SLICES = "For a score of each slice of the data, pass num_groups=, and by= to update_state."
_SYNC = 'Replicas are summed when the score is read. Pass sync="step" or sync="epoch".'
_DEVICE = "Each replica counts on its own device. Omit it."

# Arguments of Keras, TensorFlow, scikit-learn, TensorFlow Addons, torchmetrics and torcheval.
_HINTS = {
    # Classes and labels.
    "class_id": "For the score of one class, pass labels=[class_id], or average=None for all.",
    "target_class_ids": "Pass labels=.",
    "pos_label": 'For the positive class of two, pass average="binary"; else labels=[class].',
    "n_classes": "Pass num_classes=.",
    "num_labels": _MULTILABEL,
    "num_outputs": _MULTILABEL,
    "multi_label": _MULTILABEL,
    "multilabel": _MULTILABEL,
    "task": "The task follows from the arguments: threshold= decides each class separately.",
    "multiclass": "The task follows from the arguments: threshold= decides each class separately.",
    "multi_class": "The task follows from the arguments: threshold= decides each class separately.",
    "ignore_index": "Pass ignore_class=.",
    "ignore_value": "Pass ignore_class=.",
    "names": "Pass class_names=.",
    "target_names": "Pass class_names=.",
    "display_labels": "Pass class_names=.",
    # Decisions.
    "thresholds": "Pass threshold=, or use ThresholdSweep for many thresholds.",
    "k": "Pass top_k=.",
    "apply_softmax": "Pass from_logits=True; argmax needs no softmax.",
    "sparse_y_true": "Ids and 0/1 targets are distinguished by their shape. Omit it.",
    "sparse_y_pred": "Ids and predictions are distinguished by their dtype. Omit it.",
    "sparse_labels": "Ids and 0/1 targets are distinguished by their shape. Omit it.",
    "axis": "Classes are on the last axis. Transpose with tf.transpose.",
    "criteria": "Accuracy with threshold= is the subset accuracy; HammingLoss counts entries.",
    "subset_accuracy": "Accuracy with threshold= is the subset accuracy; HammingLoss counts "
    "entries.",
    # Averages and scores.
    "average": "It is part of the names of scores, e.g. f1_macro.",
    "reduce": "Pass average=.",
    "mdmc_reduce": _SLICES,
    "mdmc_average": _SLICES,
    "multidim_average": _SLICES,
    "absent_score": "Pass zero_division=.",
    "beta": "FBetaScore has beta=.",
    "normalize": "ConfusionMatrix has normalize=; other scores are ratios already.",
    "weightage": 'CohenKappa has weights="linear" and weights="quadratic".',
    "adjusted": "Derive it: (score - 1 / num_classes) / (1 - 1 / num_classes).",
    "betas": "FBetaScore has beta=; Scores takes names such as f2_samples.",
    "confusion": "Scores(confusion=True) and ConfusionMatrix count the matrix.",
    "curve": _CURVE,
    "summation_method": _CURVE,
    "num_thresholds": "ThresholdSweep has thresholds=.",
    # Data, which updates take.
    "y_true": _UPDATE,
    "y_pred": _UPDATE,
    "by": _UPDATE,
    "mask": _UPDATE,
    "sample_weight": _WEIGHT,
    "weights": f"{_WEIGHT} CohenKappa alone has weights=.",
    "class_weight": _WEIGHT,
    "label_weights": f"{_WEIGHT} It may have an entry for each class.",
    # Reports.
    "digits": _REPORT,
    "output_dict": _REPORT,
    # Replicas and devices.
    "device": _DEVICE,
    "compute_on_cpu": _DEVICE,
    "process_group": _SYNC,
    "dist_sync_on_step": _SYNC,
    "sync_on_compute": _SYNC,
    "validate_args": "Arguments are always checked. Omit it.",
}


def check_known(
    given: Iterable[str],
    known: Collection[str],
    supported: Collection[str],
    hints: Mapping[str, str] | None = None,
) -> None:
    """Raise `TypeError` for arguments that do not exist, with what to pass instead.

    Args:
        given: Names of the arguments.
        known: Names that exist among them.
        supported: Names of all arguments of the function or class.
        hints: Hints that replace those of metrics.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        parts = [f"Unknown argument {x}. {_hint(x, supported, hints or {})}" for x in unknown]
        described = " ".join(part.rstrip() for part in parts)
        raise TypeError(f"{described} Supported are {', '.join(supported)}.")


def _hint(name: str, supported: Collection[str], hints: Mapping[str, str]) -> str:
    known = {**_HINTS, **hints}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, supported, n=1, cutoff=0.75)
    if close:
        return f"Did you mean {close[0]}?"
    return next((known[x] for x in difflib.get_close_matches(name, known, n=1, cutoff=0.75)), "")
