"""The scripts of a page: only those that its sections need, and the data that they read."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import pathlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from dist_f1.counts.visible_text import visible_text
from dist_f1.pages.sections import Chart, Section, Table, Thresholds

ECHARTS_VERSION = "6.1.0"
ECHARTS_SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"

_FOLDER = pathlib.Path(__file__).parent
_ECHARTS = "vendor/echarts/echarts.min.js"
_CHARTS = (
    _ECHARTS,
    "javascript/colors.js",
    "javascript/tooltips.js",
    "javascript/charts.js",
    "javascript/controls.js",
)
_TABLES = ("javascript/tables.js",)
_THRESHOLDS = ("javascript/thresholds.js",)


class Script(NamedTuple):
    """A script of a page, and its hash for the content security policy."""

    text: str
    integrity: str


def scripts(sections: Iterable[Section]) -> list[Script]:
    """Return the scripts that the sections need, in the order in which they run."""
    names: list[str] = []
    sections = list(sections)
    if has_charts(sections):
        names += _CHARTS
    if any(isinstance(section, Thresholds) for section in sections):
        names += _THRESHOLDS
    if any(isinstance(section, Table) and section.is_sortable for section in sections):
        names += _TABLES
    return [_read(name) for name in names]


def has_charts(sections: Iterable[Section]) -> bool:
    """Whether a section needs the chart library."""
    return any(isinstance(section, Chart | Thresholds) for section in sections)


@functools.cache
def _read(name: str) -> Script:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    if name == _ECHARTS:
        # The first lines of the file do not name its version.
        text = f"/*! Apache ECharts {ECHARTS_VERSION}, unmodified */\n{text}"
    digest = hashlib.sha256(text.encode()).digest()
    return Script(text, f"sha256-{base64.b64encode(digest).decode('ascii')}")


def embedded_json(value: object) -> str:
    r"""Return JSON that is safe inside a `<script>` element. NaN and infinity become `null`.

    Text is that of `visible_text`.

    Example:
        >>> print(embedded_json({"name": "</script>", "f1": float("nan")}))
        {"name":"\u003c/script\u003e","f1":null}
    """
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _plain(value: object) -> object:
    """Convert to the types of JSON; a named tuple becomes an object."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, str):
        return visible_text(value)
    if isinstance(value, Mapping):
        return {visible_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value
