"""The cost of a metric in a real training step, in one process and in several workers."""

from __future__ import annotations

import dataclasses
import gc
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from benchmarks import environment, workers
from benchmarks.context import Context, distribute_values, gather
from benchmarks.models import PROBLEMS
from benchmarks.per_step import keras_loops, training
from benchmarks.per_step.meters import BASELINE, KERAS, VARIANTS
from benchmarks.records import Record
from benchmarks.samples import Samples, difference
from benchmarks.timing import CONTROL, Timed, interleaved, milliseconds, to_records
from benchmarks.updates.batches import make_batch
from dist_f1.inspection import count_collectives

# Number of different batches, which the steps use in turn.
_BATCHES = 4
_CHECKED_STEPS = 3
# Limits for starting, tracing and checking in workers, and for rounds without a budget.
_START_SECONDS = 900.0
_NO_BUDGET_SECONDS = 4 * 3600.0


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Yield records by model, number of replicas or workers, and variant.

    `config` has `models`, `variants`, `replicas` and `workers` (lists), `steps`, `budget_seconds`
    for the rounds of each model (0: no limit), and `batch_factor`, a factor of all batch sizes.

    `loops`, `loop_tasks` and `loop_sizes` are the loops of Keras, the tasks and the sizes for
    `keras_loops`.

    Raises:
        ValueError: A model or a variant does not exist.
        WorkersFailedError: Workers failed.
    """
    for setting, supported in [("models", PROBLEMS), ("variants", VARIANTS)]:
        for name in config[setting]:
            if name not in supported:
                raise ValueError(
                    f"config.per_step.{setting}: there is no {name!r}; "
                    f"choose from {', '.join(supported)}."
                )
    common = {
        "variants": list(config.variants),
        "steps": config.steps,
        "seed": context.seed,
        "batch_factor": config.batch_factor,
        "budget_seconds": config.budget_seconds or None,
    }
    yield from _loop_records(config, context)
    for strategy in context.strategies(config.replicas):
        for model in config.models:
            replicas = strategy.num_replicas_in_sync
            context.progress.task(f"per_step {model}, replicas: {replicas}", config.steps)
            measured = measure(strategy, model=model, progress=context.progress.step, **common)
            yield from records(model, [measured])
    for number in config.workers:
        for model in config.models:
            context.progress.task(f"per_step {model}, workers: {number}", config.steps)
            results = workers.run(
                "benchmarks.suites.per_step:measure",
                number,
                {"model": model, **common},
                timeout=_START_SECONDS + (2.0 * config.budget_seconds or _NO_BUDGET_SECONDS),
            )
            context.progress.step(len(results[0]["variants"][BASELINE]["ms"]))
            yield from records(model, results)


def _loop_records(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    settings = (config.get(name, ()) for name in ("loop_tasks", "loop_sizes", "loops"))
    cases = itertools.product(*settings)
    for task, shape, loop in cases:
        batch = make_batch(
            task, shape, device=context.devices[0], seed=context.seed, open_size=True
        )
        context.progress.task(f"per_step {loop} {task} {shape}", config.loop_steps)
        timing = {**context.timing(config), "steps": config.loop_steps}
        yield from keras_loops.measure(batch, loop, timing)
        del batch
        gc.collect()


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
    """Check the variants, then time their steps in turn, and the baseline's a second time.

    Every worker of a strategy calls the function with the same arguments, which are settings of the
    suite.

    Returns:
        Built-in types: values of the whole case and, as `"variants"`, those of each variant and of
        the control.
    """
    environment.reset_peak_memory()
    before = environment.peak_memory_mb()
    problem = PROBLEMS[model]
    replicas = strategy.num_replicas_in_sync
    samples = replicas * -(-problem.batch * batch_factor // replicas)
    drawn = training.draw_batches(problem, samples, _BATCHES, seed)
    batches = [training.distribute(strategy, batch) for batch in drawn]
    with strategy.scope():
        network = problem.create(seed)
        meters = {
            name: VARIANTS[name](strategy, problem.classes)
            for name in dict.fromkeys([BASELINE, *variants])
        }

    # All variants see the same training steps.
    step = training.training_step(strategy, problem, network, list(meters.values()), keep=True)
    checked = itertools.islice(itertools.cycle(batches), _CHECKED_STEPS)
    wrong = training.count_mismatches(strategy, step, meters, checked)
    del wrong[BASELINE]
    for meter in meters.values():
        meter.reset()

    # The control shares the baseline's meter, which has no state. Its step is traced again.
    timed_meters = {**meters, CONTROL: meters[BASELINE]}
    traced = {
        name: training.training_step(strategy, problem, network, [meter])
        for name, meter in timed_meters.items()
    }

    def agree(rounds: int) -> int:
        of_workers = distribute_values(strategy, lambda *_: np.array([rounds]))
        return int(gather(strategy, of_workers).min())

    timed = interleaved(
        {
            name: training.timed_call(step, timed_meters[name], itertools.cycle(batches))
            for name, step in traced.items()
        },
        steps=steps,
        seed=seed,
        progress=progress,
        budget_seconds=budget_seconds,
        agree=agree,
    )
    peak = environment.peak_memory_mb()
    return {
        "device": environment.label(),
        "replicas": replicas,
        "scores": [*drawn[0].y.shape, problem.classes],
        "peak_memory_mb": peak,
        # TensorFlow keeps the graphs of functions with collectives, so a process only grows.
        # The kernel's own count of memory is off by some pages, so a peak can seem to shrink.
        "case_memory_mb": {name: round(max(peak[name] - before[name], 0.0), 1) for name in peak},
        "variants": {
            name: {
                "ms": list(timed[name].samples.values),
                "first_ms": timed[name].first_ms,
                "end_ms": milliseconds(meter.values),
                "collectives": count_collectives(traced[name], batches[0]),
                "wrong": wrong.get(name),
                "notes": meter.notes,
            }
            for name, meter in timed_meters.items()
        },
    }


def records(model: str, measured: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield a record for each variant, with the time of the slowest worker in each round.

    Args:
        model: Name of the model.
        measured: Result of `measure` in each worker.
    """
    chief, device = measured[0], measured[0]["device"]
    by_variant = {
        name: [worker["variants"][name] for worker in measured] for name in chief["variants"]
    }
    # The memory of all variants together, of the worker that needs most.
    memory = {
        key: {name: max(worker[key][name] for worker in measured) for name in chief[key]}
        for key in ("peak_memory_mb", "case_memory_mb")
    }
    timed: dict[str, Timed] = {}
    values: dict[str, dict[str, Any]] = {}
    for name, results in by_variant.items():
        # A synchronous step takes as long as the slowest worker.
        rounds = zip(*(result["ms"] for result in results), strict=True)
        slowest = Samples(tuple(max(ms) for ms in rounds))
        timed[name] = Timed(slowest, max(result["first_ms"] for result in results))
        steps_per_second = 1e3 / slowest.p50
        values[name] = {**results[0]["notes"], **memory, "steps_per_second": steps_per_second}
        if len(measured) > 1:
            medians = [Samples(tuple(result["ms"])).p50 for result in results]
            values[name]["slowest_worker"] = medians.index(max(medians))
            values[name]["worker_p50_ms"] = medians
    others = [name for name in timed if name not in (BASELINE, CONTROL)]
    for name in others:
        values[name]["end_ms"] = max(result["end_ms"] for result in by_variant[name])
        values[name] |= _overhead(timed, name)
    collectives = {name: results[0]["collectives"] for name, results in by_variant.items()}
    yield from to_records(
        "per_step",
        {
            "model": model,
            "replicas": chief["replicas"],
            "workers": len(measured),
            "scores": str(chief["scores"]),
            "device": device if len(measured) == 1 else f"{len(measured)} x ({device})",
        },
        timed,
        BASELINE,
        counted={
            name: {"collectives": number, "collectives_added": number - collectives[BASELINE]}
            for name, number in collectives.items()
        },
        values=values,
        wrong={name: sum(result["wrong"] for result in by_variant[name]) for name in others},
    )


def _overhead(timed: Mapping[str, Timed], name: str) -> dict[str, Any]:
    """Compute the overhead in percent of the step, and the difference to Keras's F1."""
    samples, base = timed[name].samples, timed[BASELINE].samples
    added, percent = difference(base, samples), 100.0 / base.p50
    values: dict[str, Any] = {
        "overhead_percent": percent * added.median,
        "overhead_percent_interval": [percent * added.low, percent * added.high],
    }
    if KERAS in timed and name != KERAS:
        values["versus_keras_f1"] = dataclasses.asdict(difference(timed[KERAS].samples, samples))
    return values
