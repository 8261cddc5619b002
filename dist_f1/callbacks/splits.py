"""The splits of the data whose scores are in the logs of Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def by_split(logs: Mapping[str, Any], prefixes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Group the logs of an epoch by split, without the prefixes of the splits.

    Example:
        >>> by_split({"loss": 0.5, "val_loss": 0.6, "test_f1": 0.7}, ["val_", "test_"])
        {'train': {'loss': 0.5}, 'validation': {'loss': 0.6}, 'test': {'f1': 0.7}}
    """
    groups: dict[str, dict[str, Any]] = {}
    for name, value in logs.items():
        prefix = next((prefix for prefix in prefixes if prefix and name.startswith(prefix)), None)
        split = "train" if prefix is None else split_of(prefix)
        groups.setdefault(split, {})[name.removeprefix(prefix or "")] = value
    return groups


def split_of(prefix: str) -> str:
    """Return the name of the split whose entries in the logs have a prefix.

    Example:
        >>> split_of("val_"), split_of("test_"), split_of("")
        ('validation', 'test', 'evaluation')
    """
    name = prefix.rstrip("_")
    return {"val": "validation", "": "evaluation"}.get(name, name)
