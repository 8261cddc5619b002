"""Predictions of reads on more replicas than there are, by a model fitted to measurements.

The records of this suite are not measurements, and are labelled accordingly.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import ml_collections
import numpy as np

import dist_f1
from benchmarks.alpha_beta import ALGORITHMS, Fit, Point, TooFewPointsError, best_fit, fit
from benchmarks.context import Context
from benchmarks.models import PROBLEMS
from benchmarks.records import Record, load_records
from benchmarks.samples import Difference, difference

# What is predicted, by the suite that measures it.
_PREDICTED = {"read": "a read", "per_step": 'sync="step" in each step'}


# Suite, device and workers: measurements on replicas that are connected in one way.
Network = tuple[str, str, int]
# Replicas and bytes of an all-reduce, and the time by which it extends a step.
Measured = list[tuple[int, float, Difference]]


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Fit a ring and a tree to the records of this run, and predict more replicas.

    `config` has `replicas` and `classes` (lists), and `measured`, a file of results to use instead
    of this run's.
    """
    other = config.get("measured", "")
    path = pathlib.Path(other or context.out / "results.jsonl")
    measured = measurements(load_records(path)[1] if other or path.exists() else [])
    for suite in _PREDICTED:
        if not any(network[0] == suite for network in measured):
            measured[suite, context.device_label, 1] = []
    for network, found in measured.items():
        context.progress.task(f"scaling {network[0]}", len(ALGORITHMS))
        yield from predictions(network, found, config.replicas, config.classes)
        context.progress.step(len(ALGORITHMS))


def measurements(records: Iterable[Record]) -> dict[Network, Measured]:
    """Collect the measurements of `read` and `per_step`, by how replicas are connected."""
    found: dict[Network, Measured] = collections.defaultdict(list)
    pairs: dict[str, dict[str, Record]] = collections.defaultdict(dict)

    def network(record: Record) -> Network:
        case = record.case
        return record.suite, str(case.get("device", "")), int(case.get("workers", 1))

    for record in records:
        case = record.case
        if record.timed is None or "replicas" not in case:
            continue
        if record.suite == "read" and record.variant == "all_reduce" and record.difference:
            point = case["replicas"], case["bytes"], record.difference
            found[network(record)].append(point)
        elif record.suite == "per_step" and record.variant.startswith("F1Score"):
            key = dataclasses.replace(record, variant="").key
            pairs[key][record.values.get("sync", "")] = record
    for pair in pairs.values():
        step, epoch = pair.get("step"), pair.get("epoch")
        if step and epoch and step.timed and epoch.timed and step.case.get("model") in PROBLEMS:
            size = state_bytes(PROBLEMS[step.case["model"]].classes)
            point = step.case["replicas"], size, difference(epoch.timed, step.timed)
            found[network(step)].append(point)
    return dict(found)


def predictions(
    network: Network, measured: Measured, replicas: Sequence[int], classes: Sequence[int]
) -> Iterator[Record]:
    """Yield fits and predictions, or one record with the reason why there are none."""
    suite, device, workers = network
    case = {"predicted": _PREDICTED[suite], "workers": workers, "device": device}
    points = [Point(p, size, added.median) for p, size, added in measured if added.low > 0.0]
    lost = len(measured) - len(points)
    try:
        fits = [fit(points, algorithm) for algorithm in ALGORITHMS]
    except TooFewPointsError as problem:
        noise = f", and {lost} were within the noise" if lost else ""
        reason = f"nothing is predicted from {suite}: {problem}{noise}"
        yield Record("scaling", case, "model", values={"model": True, "skipped": reason})
        return
    best = best_fit(fits)
    for found in fits:
        name, errors = f"{found.model.algorithm} (model)", _errors_percent(found)
        fitted = {
            "model": True,
            "start_ms": found.model.start,
            "alpha_us": 1e3 * found.model.alpha,
            "gb_per_s": 1e-6 / found.model.beta if found.model.beta > 0.0 else None,
            "points": len(found.errors),
            **{f"{name}_percent": error for name, error in errors.items()},
            "fits_better": found is best,
            "lost_in_noise": lost,
        }
        yield Record("scaling", case, f"{name}, fit", values=fitted)
        median, most, left_out, left_out_most, _ = errors.values()
        description = (
            f"{len(found.errors)} points, error {median:.1f}% (at most {most:.1f}%), "
            f"left out {left_out:.1f}% (at most {left_out_most:.1f}%)"
        )
        for number, p in itertools.product(classes, replicas):
            if p > 1:
                size = state_bytes(number)
                predicted_ms = found.model.predict(p, size)
                yield Record(
                    "scaling",
                    {**case, "classes": number, "bytes": size, "replicas": p},
                    name,
                    values={"model": True, "predicted_ms": predicted_ms, "fit": description},
                )


def state_bytes(classes: int) -> int:
    """Return the bytes that a read of `F1Score` reduces."""
    layout = dist_f1.F1Score("macro", num_classes=classes).accumulator.layout
    assert layout is not None
    return 8 * layout.size


def _errors_percent(found: Fit) -> dict[str, float | None]:
    return {
        "median_error": 100.0 * float(np.median(found.errors)),
        "max_error": 100.0 * max(found.errors),
        "left_out_median_error": 100.0 * float(np.median(found.left_out)),
        "left_out_max_error": 100.0 * max(found.left_out),
        "extrapolated_max_error": 100.0 * max(found.extrapolated) if found.extrapolated else None,
    }
