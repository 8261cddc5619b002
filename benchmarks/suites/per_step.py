"""What a metric adds to a real training step, on replicas of one process and of several."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from benchmarks import workers
from benchmarks.models import PROBLEMS
from benchmarks.per_step.measure import measure
from benchmarks.per_step.meters import BASELINE, KERAS, VARIANTS
from benchmarks.per_step.strategies import mirrored
from benchmarks.records import Row
from benchmarks.samples import Samples, difference, slowest
from benchmarks.suites import Context
from benchmarks.timing import CONTROL

Measured = Mapping[str, Any]
# How long workers may take to start, trace and check, and for rounds that have no budget.
_START_SECONDS = 900.0
_WITHOUT_BUDGET_SECONDS = 4 * 3600.0


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """Rows of each model, number of replicas or workers, and variant.

    Args:
        config: `models`, `variants`, `replicas` and `workers` (lists), `steps`, `budget_seconds`
            for the rounds of each model (0: as long as they take), and `batch_factor`, which
            multiplies the batches of all models.
        context: of the run; numbers of replicas beyond its devices are left out.

    Raises:
        ValueError: there is no such model or variant.
        WorkersFailed: workers could not do it.
    """
    _check_names("models", config.models, PROBLEMS)
    _check_names("variants", config.variants, VARIANTS)
    common = {
        "variants": list(config.variants),
        "steps": config.steps,
        "seed": context.seed,
        "batch_factor": config.batch_factor,
        "budget_seconds": config.budget_seconds or None,
    }
    for replicas in (number for number in config.replicas if number <= len(context.devices)):
        for model in config.models:
            context.progress.task(f"per_step {model}, replicas: {replicas}", config.steps)
            measured = measure(
                mirrored(context.devices, replicas),
                model=model,
                progress=context.progress.step,
                **common,
            )
            yield from rows(model, [measured])
    for number in config.workers:
        for model in config.models:
            context.progress.task(f"per_step {model}, workers: {number}", config.steps)
            several = workers.run(
                "benchmarks.per_step.measure:measure",
                number,
                {"model": model, **common},
                timeout=_START_SECONDS + (2.0 * config.budget_seconds or _WITHOUT_BUDGET_SECONDS),
            )
            context.progress.step(len(several[0]["variants"][BASELINE]["ms"]))
            yield from rows(model, several)


def rows(model: str, measured: Sequence[Measured]) -> Iterator[Row]:
    """A row for each variant: of one process, or of the slowest worker in each round.

    Args:
        model: that was trained.
        measured: what `measure` returned, in each worker.
    """
    chief = measured[0]
    several = len(measured) > 1
    case = {
        "model": model,
        "replicas": chief["replicas"],
        "workers": len(measured),
        "scores": str(chief["scores"]),
        "device": f"{len(measured)} x ({chief['device']})" if several else chief["device"],
    }
    each = {
        name: [Samples(tuple(worker["variants"][name]["ms"])) for worker in measured]
        for name in chief["variants"]
    }
    timed = {name: slowest(samples) for name, samples in each.items()}
    noise = difference(timed[BASELINE], timed[CONTROL])
    for name, samples in timed.items():
        if name == CONTROL:
            continue
        own = [worker["variants"][name] for worker in measured]
        values: dict[str, Any] = {
            **own[0]["notes"],
            "steps_per_second": 1e3 / samples.p50,
            "first_ms": max(variant["first_ms"] for variant in own),
            # Of all variants together.
            "peak_memory_mb": _largest([worker["peak_memory_mb"] for worker in measured]),
            "case_memory_mb": _largest([worker["case_memory_mb"] for worker in measured]),
        }
        if several:
            medians = [worker.p50 for worker in each[name]]
            values["slowest_worker"] = medians.index(max(medians))
            values["worker_p50_ms"] = medians
        if name != BASELINE:
            values["end_ms"] = max(variant["end_ms"] for variant in own)
            values |= _overhead(timed, name)
        collectives = own[0]["collectives"]
        yield Row(
            suite="per_step",
            case=case,
            variant=name,
            timed=samples,
            baseline=None if name == BASELINE else BASELINE,
            difference=None if name == BASELINE else difference(timed[BASELINE], samples),
            noise=noise,
            counted={
                "collectives": collectives,
                "collectives_added": collectives - chief["variants"][BASELINE]["collectives"],
            },
            values=values,
            wrong=None if name == BASELINE else sum(variant["wrong"] for variant in own),
        )


def _check_names(setting: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(
                f"config.per_step.{setting}: there is no {name!r}; choose from {', '.join(known)}."
            )


def _overhead(timed: Mapping[str, Samples], name: str) -> dict[str, Any]:
    """In percent of the baseline's step, and against Keras's F1 in the same rounds."""
    added, step = difference(timed[BASELINE], timed[name]), timed[BASELINE].p50
    values: dict[str, Any] = {
        "overhead_percent": 100.0 * added.median / step,
        "overhead_percent_interval": [100.0 * added.low / step, 100.0 * added.high / step],
    }
    if KERAS in timed and name != KERAS:
        values["versus_keras_f1"] = dataclasses.asdict(difference(timed[KERAS], timed[name]))
    return values


def _largest(peaks: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: max(peak[name] for peak in peaks) for name in peaks[0]}
