"""Why rows could not be counted: the causes, in the order in which they are stored.

A row that cannot be counted has one cause. Labels and targets of -1, 255 or C have separate
counters, because each of them hints at another remedy.
"""

from collections.abc import Mapping

# Each cause, and what its rows have, with the remedy. C is the number of classes. Old files do not
# store causes.
_TEXTS = {
    "unknown": "an invalid label, target, prediction, weight or group id",
    "negative_one": "the label or target -1 (not labeled? pass ignore_class=-1)",
    "value_255": (
        "the label or target 255 (not labeled? pass ignore_class=255; a mask of 0 and 255? divide "
        "it by 255)"
    ),
    "num_classes": (
        "the label {C}, but the {C} classes are 0 to {last} (are classes numbered from 1? "
        "subtract 1)"
    ),
    "label": "a label that is not one of the {C} classes, 0 to {last}",
    "fraction": (
        "targets between 0 and 1 (label smoothing or mixup? pass the ids of the classes instead)"
    ),
    "target": "a target that is neither 0 nor 1 (pass 0/1 targets, or the ids of the classes)",
    "prediction": "a NaN prediction (does the loss diverge? do inputs of the model hold NaN?)",
    "weight": "a weight that is not finite",
    "group": "a group id that is not from 0 to num_groups - 1",
}

CAUSES = tuple(_TEXTS)


def number_of_causes(groups: int) -> int:
    """Return the number of counters. Without groups, no group id can be invalid."""
    return len(CAUSES) if groups else len(CAUSES) - 1


def code(cause: str) -> int:
    """Return the code of a cause in a batch, from 1. Rows that count have the code 0."""
    return CAUSES.index(cause) + 1


def texts(num_classes: int) -> tuple[str, ...]:
    """Return what the rows of each cause have, for C classes."""
    size = max(num_classes, 2)
    return tuple(text.format(C=size, last=size - 1) for text in _TEXTS.values())


def describe(numbers: Mapping[str, int], num_classes: int) -> str:
    """Describe the causes with their numbers of rows.

    Example:
        >>> describe({"weight": 2, "label": 1}, num_classes=3)
        '1 has a label that is not one of the 3 classes, 0 to 2; 2 have a weight that is not finite'
    """
    all_texts = dict(zip(CAUSES, texts(num_classes), strict=True))
    return "; ".join(
        f"{number} {'has' if number == 1 else 'have'} {all_texts[cause]}"
        for cause, number in sorted(numbers.items(), key=lambda item: CAUSES.index(item[0]))
        if number
    )
