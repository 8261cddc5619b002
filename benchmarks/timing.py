"""Times several callables in turn within one process, so that noise affects all of them alike."""

from __future__ import annotations

import dataclasses
import functools
import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.records import Record
from benchmarks.samples import Samples, difference

# The A/A control: the baseline, timed a second time. Its difference to the baseline is the noise.
CONTROL = "control"

# The tail cannot be estimated from fewer rounds, so a budget does not go below this number.
MIN_ROUNDS = 20


@dataclasses.dataclass(frozen=True)
class Timed:
    """Times of one variant. The first call traces and compiles, so it is kept apart."""

    samples: Samples
    first_ms: float


def interleaved(
    variants: Mapping[str, Callable[[], Any]],
    *,
    steps: int = 200,
    warmup: int = 5,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    budget_seconds: float | None = None,
    agree: Callable[[int], int] | None = None,
) -> dict[str, Timed]:
    """Call each variant once per round, in a random order that changes from round to round.

    The timed region ends when all tensors that a variant returns are computed, in any nest and on
    any replica, and all devices are idle. A variant should return everything that has to be
    computed, but nothing large.

    Args:
        variants: Callables by name.
        steps: Number of timed rounds.
        warmup: Number of rounds before them, including the first call.
        seed: Seed of the orders, which are the same in every process.
        progress: Called with 1 after each timed round.
        budget_seconds: Limit for the timed rounds, estimated from the warm-up; 0 and None: no
            limit. At least 20 rounds are timed.
        agree: Reduces the number of rounds that the budget allows over all workers.
    """
    random = np.random.default_rng(seed)
    first = {name: milliseconds(call) for name, call in variants.items()}
    warm = [_round(variants, random) for _ in range(max(0, warmup - 1))]
    if budget_seconds:
        # The first calls trace, so the estimate needs another round.
        typical = np.median([sum(x.values()) for x in warm or [_round(variants, random)]])
        affordable = int(1e3 * budget_seconds / max(float(typical), 1e-6))
        steps = min(steps, max(MIN_ROUNDS, affordable))
        steps = agree(steps) if agree else steps
    rounds = []
    for _ in range(steps):
        rounds.append(_round(variants, random))
        if progress:
            progress(1)
    return {name: Timed(Samples(tuple(x[name] for x in rounds)), first[name]) for name in variants}


def to_records(
    suite: str,
    case: Mapping[str, Any],
    timed: Mapping[str, Timed],
    baseline: str,
    *,
    counted: Mapping[str, Mapping[str, int]] | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    wrong: Mapping[str, int | None] | None = None,
) -> Iterator[Record]:
    """Yield a record for each variant, with its difference to the baseline and the noise.

    `counted`, `values` and `wrong` are fields of the records, by variant.
    """
    base = timed[baseline].samples
    noise = difference(base, timed[CONTROL].samples) if CONTROL in timed else None
    for variant, times in timed.items():
        if variant == CONTROL:
            continue
        is_base = variant == baseline
        yield Record(
            suite=suite,
            case=dict(case),
            variant=variant,
            timed=times.samples,
            baseline=None if is_base else baseline,
            difference=None if is_base else difference(base, times.samples),
            noise=noise,
            counted=dict((counted or {}).get(variant, {})),
            values={"first_ms": times.first_ms, **(values or {}).get(variant, {})},
            wrong=(wrong or {}).get(variant),
        )


def milliseconds(call: Callable[[], Any]) -> float:
    """Time a call, including all the work that it starts."""
    collects = gc.isenabled()
    gc.disable()  # A call must not pay for the garbage of another one.
    try:
        started = time.perf_counter_ns()
        wait(call())
        return (time.perf_counter_ns() - started) / 1e6
    finally:
        if collects:
            gc.enable()


def wait(result: Any) -> None:
    """Wait until every tensor in a nest is computed, and all devices are idle."""
    for leaf in tf.nest.flatten(result, expand_composites=True):
        if hasattr(leaf, "numpy") and not type(leaf).__module__.startswith("torch"):
            leaf.numpy()
    # Fetching results does not wait for updates of variables that no result depends on.
    if _is_asynchronous():
        tf.test.experimental.sync_devices()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _round(
    variants: Mapping[str, Callable[[], Any]], random: np.random.Generator
) -> dict[str, float]:
    names = list(variants)
    return {names[i]: milliseconds(variants[names[i]]) for i in random.permutation(len(names))}


@functools.cache
def _is_asynchronous() -> bool:
    # Calls on a CPU are synchronous. Waiting for the device takes longer than a small update.
    return any(device.device_type != "CPU" for device in tf.config.list_logical_devices())
