"""What reads would take on more replicas than there are: a model, fitted to what was measured.

No row of this suite is a measurement; each says so.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ml_collections

import dist_f1
from benchmarks import records
from benchmarks.alpha_beta import ALGORITHMS, Fit, Point, TooFewPoints, better, fit
from benchmarks.models import PROBLEMS
from benchmarks.records import Row
from benchmarks.samples import Difference, difference
from benchmarks.suites import Context

# What is predicted, by the suite that measures it.
_WHAT = {"read": "a read", "per_step": 'sync="step" in each step'}

# Points that belong together: of one suite, on devices that are connected in one way.
Group = tuple[str, str, int]


@dataclasses.dataclass
class Measured:
    """Of one group.

    Args:
        points: what can be told from noise.
        lost: how many points cannot.
    """

    points: list[Point] = dataclasses.field(default_factory=list)
    lost: int = 0

    def add(self, replicas: int, size: float, added: Difference) -> None:
        """What an all-reduce adds to a step without it."""
        if added.low > 0.0:
            self.points.append(Point(replicas, size, added.median))
        else:
            self.lost += 1


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """Fits rings and trees to the rows of this run, and predicts more replicas.

    Args:
        config: `replicas` and `classes` (lists), and `measured`, a file of results to take in
            place of this run's.
        context: of the run.
    """
    path = pathlib.Path(config.get("measured", "") or context.out / "results.jsonl")
    measured = records.read(path)[1] if path.exists() or config.get("measured") else []
    found = points(measured)
    for suite in _WHAT:
        if not any(group[0] == suite for group in found):
            found[(suite, context.device_label, 1)] = Measured()
    for group, several in found.items():
        context.progress.task(f"scaling {group[0]}", len(ALGORITHMS))
        yield from predictions(group, several, config.replicas, config.classes)
        context.progress.step(len(ALGORITHMS))


def points(rows: Iterable[Row]) -> dict[Group, Measured]:
    """What the suites `read` and `per_step` have measured, by how replicas are connected."""
    found: dict[Group, Measured] = collections.defaultdict(Measured)
    pairs: dict[str, dict[str, Row]] = collections.defaultdict(dict)
    for row in rows:
        if row.timed is None or "replicas" not in row.case:
            continue
        if row.suite == "read" and row.variant == "all_reduce" and "bytes" in row.case:
            if row.difference is not None:
                found[_group(row)].add(row.case["replicas"], row.case["bytes"], row.difference)
        elif row.suite == "per_step" and row.variant.startswith("F1Score"):
            key = dataclasses.replace(row, variant="").key
            pairs[key][row.values.get("sync", "")] = row
    for pair in pairs.values():
        if pair.keys() >= {"step", "epoch"} and pair["step"].case.get("model") in PROBLEMS:
            step, end = pair["step"], pair["epoch"]
            assert step.timed is not None
            assert end.timed is not None
            size = state_bytes(PROBLEMS[step.case["model"]].classes)
            added = difference(end.timed, step.timed)
            found[_group(step)].add(step.case["replicas"], size, added)
    return dict(found)


def predictions(
    group: Group, measured: Measured, replicas: Sequence[int], classes: Sequence[int]
) -> Iterator[Row]:
    """The fits and what follows from them, or one row that says why there is nothing."""
    suite, device, workers = group
    case = {"predicted": _WHAT[suite], "workers": workers, "device": device}
    try:
        fits = [fit(measured.points, algorithm) for algorithm in ALGORITHMS]
    except TooFewPoints as problem:
        lost = f", and {measured.lost} were lost in noise" if measured.lost else ""
        reason = f"nothing is predicted from {suite}: {problem}{lost}"
        yield Row("scaling", case, "model", values={"model": True, "skipped": reason})
        return
    best = better(fits)
    for found in fits:
        name = f"{found.model.algorithm} (model)"
        yield Row(
            "scaling",
            case,
            f"{name}, fit",
            values=_values(found, found is best) | {"lost_in_noise": measured.lost},
        )
        for number in classes:
            size = state_bytes(number)
            for p in replicas:
                if p > 1:
                    yield Row(
                        "scaling",
                        {**case, "classes": number, "bytes": size, "replicas": p},
                        name,
                        values={
                            "model": True,
                            "predicted_ms": found.model.predict(p, size),
                            "fit": _in_words(found),
                        },
                    )


def state_bytes(classes: int) -> int:
    """What one read of an `F1Score` sums up."""
    layout = dist_f1.F1Score("macro", num_classes=classes).accumulator.layout
    assert layout is not None
    return 8 * layout.size


def _group(row: Row) -> Group:
    return row.suite, str(row.case.get("device", "")), int(row.case.get("workers", 1))


def _values(found: Fit, is_better: bool) -> dict[str, Any]:
    beta = found.model.beta
    return {
        "model": True,
        "start_ms": found.model.start,
        "alpha_us": 1e3 * found.model.alpha,
        "gb_per_s": 1e-6 / beta if beta > 0.0 else None,
        "points": found.points,
        "median_error_percent": 100.0 * found.median_error,
        "max_error_percent": 100.0 * found.max_error,
        "left_out_median_error_percent": 100.0 * found.left_out_median,
        "left_out_max_error_percent": 100.0 * found.left_out_max,
        "extrapolated_max_error_percent": None
        if found.extrapolated_max is None
        else 100.0 * found.extrapolated_max,
        "fits_better": is_better,
    }


def _in_words(found: Fit) -> str:
    return (
        f"{found.points} points, off by {100 * found.median_error:.1f}% "
        f"(at most {100 * found.max_error:.1f}%), left out {100 * found.left_out_median:.1f}% "
        f"(at most {100 * found.left_out_max:.1f}%)"
    )
