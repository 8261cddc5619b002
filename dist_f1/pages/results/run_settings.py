"""The settings of a run, and the versions with which it was computed."""

from __future__ import annotations

from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.sections import Cell, Group, Table

HIDDEN = ("class_names", "token", "versions", "devices", "replicas", "started", "strategy_class")


def run_settings(evaluation: Evaluation) -> list[Group]:
    """Return settings and versions side by side, or `[]` without either."""
    settings: list[list[Cell]] = [
        [key, _text(value)]
        for key, value in sorted(evaluation.settings.items())
        if key not in HIDDEN and value not in ("", [], ())
    ]
    versions: list[list[Cell]] = [[key, _text(value)] for key, value in evaluation.versions.items()]
    tables = [
        Table(heading, ["", "value"], rows)
        for heading, rows in (("Settings", settings), ("Environment", versions))
        if rows
    ]
    return [Group("Run", tables)] if tables else []


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
