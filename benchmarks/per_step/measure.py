"""Times the variants of one model under one strategy, in one process or in each of several."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks import environment, timing
from benchmarks.models import PROBLEMS, Problem
from benchmarks.per_step import batches, training
from benchmarks.per_step.meters import BASELINE, VARIANTS, Meter
from benchmarks.per_step.strategies import is_several_workers

# Different batches, which the steps go through again and again.
_BATCHES = 4
_CHECKED_STEPS = 3


def measure(
    strategy: tf.distribute.Strategy,
    *,
    model: str,
    variants: Sequence[str],
    steps: int,
    seed: int,
    batch_factor: int = 1,
    budget_seconds: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Checks the variants, then times their steps in turn, the baseline's twice.

    Every worker of a strategy calls it with the same arguments.

    Args:
        strategy: of all steps.
        model: a name in `PROBLEMS`.
        variants: names in `VARIANTS`; the baseline is always among them.
        steps: timed rounds.
        seed: of data, weights and the order of each round.
        batch_factor: multiplies the model's batch.
        budget_seconds: bounds the rounds, by the slowest worker.
        progress: called after each round.

    Returns:
        Built-in types only: what the rows say of the whole case, and under `"variants"` of each
        variant and of the control.
    """
    environment.reset_peak_memory()
    before = environment.peak_memory_mb()
    problem = PROBLEMS[model]
    names = list(dict.fromkeys([BASELINE, *variants]))
    share = -(-problem.batch * batch_factor // strategy.num_replicas_in_sync)
    rows = share * strategy.num_replicas_in_sync
    drawn = batches.draw(problem, rows, _BATCHES, seed)
    placed = [batches.distribute(strategy, batch) for batch in drawn]
    with strategy.scope():
        network = problem.make(seed)
        meters = {name: VARIANTS[name](strategy, problem.classes) for name in names}
    wrong = _check(strategy, problem, network, meters, placed)

    # The control has no state, and shares the baseline's meter; its step is traced anew.
    timed_meters = {**meters, timing.CONTROL: meters[BASELINE]}
    traced = {
        name: training.training_step(strategy, problem, network, [meter])
        for name, meter in timed_meters.items()
    }
    cases = {
        name: training.case(step, timed_meters[name], itertools.cycle(placed))
        for name, step in traced.items()
    }
    timed = timing.interleaved(
        cases,
        steps=steps,
        seed=seed,
        progress=progress,
        budget_seconds=budget_seconds,
        agree=functools.partial(_least, strategy),
    )
    peak = environment.peak_memory_mb()
    return {
        "device": environment.label(),
        "replicas": strategy.num_replicas_in_sync,
        "scores": [*drawn[0].y.shape, problem.classes],
        "peak_memory_mb": peak,
        # TensorFlow keeps the graphs of functions that have collectives, so the process only grows.
        "case_memory_mb": {name: round(peak[name] - before[name], 1) for name in peak},
        "variants": {
            name: {
                "ms": list(timed[name].samples.values),
                "first_ms": timed[name].first_ms,
                "end_ms": timing.milliseconds(meter.values),
                "collectives": dist_f1.count_collectives(traced[name], placed[0]),
                "wrong": wrong.get(name),
                "notes": meter.notes,
            }
            for name, meter in timed_meters.items()
        },
    }


def _check(
    strategy: tf.distribute.Strategy,
    problem: Problem,
    network: tf.Module,
    meters: dict[str, Meter],
    placed: Sequence[batches.Batch],
) -> dict[str, int]:
    """All variants see the same steps of one training, and forget them."""
    step = training.training_step(strategy, problem, network, list(meters.values()), keep=True)
    checked = itertools.islice(itertools.cycle(placed), _CHECKED_STEPS)
    wrong = training.wrong_values(strategy, step, meters, checked)
    for meter in meters.values():
        meter.reset()
    return {name: number for name, number in wrong.items() if name != BASELINE}


def _least(strategy: tf.distribute.Strategy, number: int) -> int:
    """Of the numbers of all workers."""
    if not is_several_workers(strategy):
        return number
    numbers = batches.on_replicas(strategy, lambda *_: np.array([number]))
    return int(strategy.gather(numbers, axis=0).numpy().min())
