"""What to pass instead of an argument that other libraries have."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

# Arguments of Keras, scikit-learn, TensorFlow Addons, torchmetrics and torcheval.
_HINTS = {
    "class_id": "For the score of one class, pass labels=[class_id], or average=None for all.",
    "thresholds": "Pass threshold=, or use ThresholdSweep for many thresholds.",
    "num_labels": "Pass num_classes=, and threshold= to decide each label separately.",
    "num_outputs": "Pass num_classes=, and threshold= to decide each label separately.",
    "n_classes": "Pass num_classes=.",
    "task": "The task follows from the arguments: threshold= decides each class separately.",
    "multi_label": "Pass threshold= to decide each class separately.",
    "multilabel": "Pass threshold= to decide each class separately.",
    "ignore_index": "Pass ignore_class=.",
    "k": "Pass top_k=.",
    "pos_label": 'For the positive class of two, pass average="binary"; else labels=[class].',
    "normalize": "ConfusionMatrix has normalize=; other scores are ratios already.",
    "sample_weight": "Pass sample_weight to update_state.",
    "weights": "Pass sample_weight to update_state.",
    "mask": "Pass mask to update_state.",
    "curve": "Curves and their areas are those of ThresholdSweep.",
    "num_thresholds": "ThresholdSweep has thresholds=.",
    "validate_args": "Arguments are always checked.",
    "multidim_average": "For a score of each slice of the data, pass num_groups=, and by= to "
    "update_state.",
    "dist_sync_on_step": 'Pass sync="step" or sync="epoch".',
    "names": "Pass class_names=.",
    "target_names": "Pass class_names=.",
    "apply_softmax": "Pass from_logits=True; argmax needs no softmax.",
    "beta": "FBetaScore has beta=.",
}


def unknown_arguments(unknown: Iterable[str], supported: Collection[str]) -> str:
    """Describe arguments that do not exist, and what to pass instead."""
    parts = []
    for name in sorted(unknown):
        close = difflib.get_close_matches(name, supported, n=1, cutoff=0.75)
        hint = _HINTS.get(name) or (f"Did you mean {close[0]}?" if close else "")
        parts.append(f"Unknown argument {name}. {hint}".rstrip())
    return f"{' '.join(parts)} Supported are {', '.join(supported)}."
