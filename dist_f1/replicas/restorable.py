"""Whether the counts of a checkpoint can be restored into an accumulator."""

from __future__ import annotations

from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout

# A decision may have thousands of thresholds.
_MAX_TEXT = 80


def check_layout(counts: Counts, saved: Layout, own: Layout | None) -> None:
    """Raise `ValueError` if an accumulator of the layout `own`, if known, has other counts."""
    if own is not None and not own.covers(saved):
        raise ValueError(
            f"The checkpoint holds counts of {saved}, but this metric counts {own}. Restore it "
            "into a metric with the same num_classes and decision as the saved metric."
        )
    causes, most = len(counts.invalid_causes), saved.shapes["invalid_by_cause"][-1]
    if causes > most:
        raise ValueError(
            f"The checkpoint holds no counts of a metric: it has {causes} causes of invalid rows, "
            f"but counts of {saved} have {most}. Use an intact copy, or count again."
        )


def check_decision(saved: str, own: str) -> None:
    """Raise `ValueError` if the decisions are known and differ."""
    if saved and own and saved != own:
        saved, own = _shorten_pair(saved, own)
        raise ValueError(
            f"The checkpoint holds counts of the decision {saved}, but this metric decides by "
            f"{own}. Restore it into a metric with the same threshold=, top_k= and from_logits= as "
            "the saved metric, or count again."
        )


def check_weights(is_weighted: bool, can_be_weighted: bool) -> None:
    """Raise `ValueError` if weighted counts are restored into an unweighted accumulator."""
    if is_weighted and not can_be_weighted:
        raise ValueError(
            "The checkpoint holds weighted counts, but this metric has unweighted int64 counts, "
            "which cannot hold weights. Pass weighted=True to the metric's constructor."
        )


def _shorten_pair(first: str, second: str) -> tuple[str, str]:
    """Shorten two texts, and keep the place where they differ."""
    pairs = enumerate(zip(first, second, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
    start = max(0, same - _MAX_TEXT // 2) if max(len(first), len(second)) > _MAX_TEXT else 0

    def shorten(text: str) -> str:
        end = start + _MAX_TEXT
        return "..." * (start > 0) + text[start:end] + "..." * (end < len(text))

    return shorten(first), shorten(second)
