"""Times several callables in turn within one process, so that noise hits all of them alike."""

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

from benchmarks.records import Row
from benchmarks.samples import Samples, difference

# The A/A case: the baseline once more, timed like any other. Its difference is the noise floor.
CONTROL = "control"

# Fewer tell nothing about a tail, whatever the budget.
LEAST_ROUNDS = 20


@dataclasses.dataclass(frozen=True)
class Timed:
    """The calls of one case."""

    samples: Samples
    first_ms: float  # the first call, which traces and compiles


def interleaved(
    cases: Mapping[str, Callable[[], Any]],
    *,
    steps: int = 200,
    warmup: int = 5,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    budget_seconds: float | None = None,
    agree: Callable[[int], int] | None = None,
) -> dict[str, Timed]:
    """Calls each case once a round, in an order that is drawn anew for each round.

    What a case returns is waited for inside of the timed region: tensors, of any nest and of any
    replica, and the work of their devices. Return all that is to be paid for, and nothing large.

    Args:
        cases: what is timed, by name.
        steps: timed rounds.
        warmup: rounds before them which are not counted; the first call of each case is one.
        seed: of the orders, which are the same for the same cases in every process.
        progress: called with 1 after each timed round.
        budget_seconds: bounds the rounds by what the warm-up took, but not below 20 of them; 0 and
            None do not.
        agree: makes one number of rounds out of each worker's own, where workers wait for each
            other: a minimum over all. Only called with a budget.
    """
    names = list(cases)
    random = np.random.default_rng(seed)
    first = {name: milliseconds(cases[name]) for name in names}
    seconds = [_round(cases, random) for _ in range(max(0, warmup - 1))]
    if budget_seconds:
        # The first of all rounds traces, so another one must tell what a round takes.
        usual = np.median([sum(taken.values()) for taken in seconds or [_round(cases, random)]])
        affordable = int(1e3 * budget_seconds / max(float(usual), 1e-6))
        steps = min(steps, max(LEAST_ROUNDS, affordable))
        steps = agree(steps) if agree else steps
    rounds = []
    for _ in range(steps):
        rounds.append(_round(cases, random))
        if progress:
            progress(1)
    return {
        name: Timed(Samples(tuple(taken[name] for taken in rounds)), first[name]) for name in names
    }


def compared(
    suite: str,
    case: Mapping[str, Any],
    timed: Mapping[str, Timed],
    baseline: str,
    *,
    counted: Mapping[str, Mapping[str, int]] | None = None,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    wrong: Mapping[str, int] | None = None,
) -> Iterator[Row]:
    """A row for each variant, with its difference to the baseline and the noise of `CONTROL`.

    `counted`, `values` and `wrong` are by variant.
    """
    base = timed[baseline].samples
    noise = difference(base, timed[CONTROL].samples) if CONTROL in timed else None
    for variant, found in timed.items():
        if variant == CONTROL:
            continue
        is_base = variant == baseline
        yield Row(
            suite=suite,
            case=dict(case),
            variant=variant,
            timed=found.samples,
            baseline=None if is_base else baseline,
            difference=None if is_base else difference(base, found.samples),
            noise=noise,
            counted=dict((counted or {}).get(variant, {})),
            values={"first_ms": found.first_ms, **(values or {}).get(variant, {})},
            wrong=(wrong or {}).get(variant),
        )


def milliseconds(call: Callable[[], Any]) -> float:
    """How long a call takes, with all the work that it has started."""
    collects = gc.isenabled()
    gc.disable()  # Otherwise a call pays for the garbage of another.
    try:
        started = time.perf_counter_ns()
        wait(call())
        return (time.perf_counter_ns() - started) / 1e6
    finally:
        if collects:
            gc.enable()


def wait(result: Any) -> None:
    """Returns when every tensor in a nest is there, and all devices are idle."""
    for leaf in tf.nest.flatten(result, expand_composites=True):
        if hasattr(leaf, "numpy") and not _is_torch(leaf):
            leaf.numpy()
    # Fetching does not wait for what else a step does: variables that no result depends on.
    if _is_asynchronous():
        tf.test.experimental.sync_devices()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _round(cases: Mapping[str, Callable[[], Any]], random: np.random.Generator) -> dict[str, float]:
    names = list(cases)
    return {names[i]: milliseconds(cases[names[i]]) for i in random.permutation(len(names))}


def _is_torch(leaf: Any) -> bool:
    return type(leaf).__module__.partition(".")[0] == "torch"


@functools.cache
def _is_asynchronous() -> bool:
    # A CPU has finished when a call returns; asking it to takes longer than a small update.
    return any(device.device_type != "CPU" for device in tf.config.list_logical_devices())
