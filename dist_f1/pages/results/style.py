"""The look of charts: colours, lines and symbols that differ, and axes of scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_COLORS = 8
_LINES: tuple[str | list[int], ...] = ("solid", "dashed", "dotted", [8, 3, 2, 3])
# Colours and symbols have no common factor, so their pairs differ for long.
SYMBOLS = ("circle", "rect", "triangle", "diamond", "roundRect")


def series_style(i: int, line: str = "") -> dict[str, object]:
    """Return colour, line (or the one given) and symbol of the i-th series.

    The first 160 all differ.
    """
    color = f"--series-{i % _COLORS + 1}"
    kind = line or _LINES[i // _COLORS % len(_LINES)]
    return {
        "itemStyle": {"color": color},
        "lineStyle": {"color": color, "type": kind, "width": 2},
        "symbol": SYMBOLS[i % len(SYMBOLS)],
    }


def value_axis(name: str, gap: int = 40, **options: object) -> dict[str, object]:
    """Return an axis of numbers, with its name beside it."""
    return {"type": "value", "name": name, "nameLocation": "middle", "nameGap": gap, **options}


def score_axis(name: str, gap: int = 40) -> dict[str, object]:
    """Return an axis from 0 to 1."""
    return value_axis(name, gap, min=0, max=1)


def grid(top: int = 40, right: int = 24) -> dict[str, object]:
    """Return the margins of a chart in pixels, around the labels and names of its axes."""
    bounds = {"outerBoundsMode": "same", "outerBoundsContain": "all"}
    return {"left": 4, "right": right, "top": top, "bottom": 4, **bounds}


def rounded(values: Iterable[float], digits: int = 4) -> list[float]:
    """Return values with a few significant digits, which are enough to draw."""
    return [float(f"{value:.{digits}g}") for value in values]


def unique(names: Sequence[str]) -> list[str]:
    """Return names that all differ: repeated ones get the number of their class.

    Example:
        >>> unique(["cat", "dog", "cat"])
        ['cat (0)', 'dog', 'cat (2)']
    """
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [f"{name} ({i})" if seen[name] > 1 else name for i, name in enumerate(names)]
