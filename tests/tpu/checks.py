"""What was found of each case: rows of the tables, each with what is not as it must be."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1 import Counts, testing
from tpu import fits, reference
from tpu.cases import CASES
from tpu.steps import Step, step_of

REPLICAS = (8, 32)
# Between them are counters in which limbs of 16 bits, and sums of them, overflow.
HIGH = (2**40, 2**41)
_GO_ON = ("F1Score", "ConfusionMatrix", "ThresholdSweep", "samples average", "groups")
# What is run: every case on 8 replicas, and some on 32.
EMULATED = [*((name, 8) for name in CASES), *((name, 32) for name in _GO_ON)]


@dataclasses.dataclass(frozen=True)
class Traced:
    """A step on one replica.

    Args:
        case: its name.
        replicas: how many there are.
        ops: how many ops were looked at.
        findings: what a TPU would not take.
        sums: what is summed over replicas.
        silent: likewise, with `sync="epoch"`; `None` where it is in the same step.
        lowered: whether XLA has compiled it.
        carriers: the dtypes that `sums` must have.
    """

    case: str
    replicas: int
    ops: int
    findings: Sequence[str]
    sums: Sequence[tf.TensorSpec]
    silent: Sequence[tf.TensorSpec] | None
    lowered: bool
    carriers: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """What is not as it must be."""
        problems = list(self.findings)
        if sorted(x.dtype.name for x in self.sums) != sorted(self.carriers):
            problems.append(f"sums {named(self.sums)} instead of {', '.join(self.carriers)}")
        if self.silent:
            problems.append(f'sums {named(self.silent)} with sync="epoch"')
        return problems if self.lowered else [*problems, "was not compiled"]


@dataclasses.dataclass(frozen=True)
class Emulated:
    """Steps that were run on the CPU.

    Args:
        case: its name.
        replicas: how many there are.
        steps: how many were run.
        counts: whether the counts are those of NumPy.
        high: likewise, when counters were high before; `None` where weights are counted.
        alike: whether all replicas have read the same in each step, which is the result outside.
    """

    case: str
    replicas: int
    steps: int
    counts: bool
    high: bool | None
    alike: bool

    @property
    def problems(self) -> list[str]:
        """What is not as it must be."""
        named = {
            "other counts than NumPy's": self.counts,
            "other counts than NumPy's above high ones": self.high is not False,
            "replicas read different results": self.alike,
        }
        return [problem for problem, good in named.items() if not good]


@functools.cache
def loop(name: str, replicas: int) -> Traced:
    """A step of a custom loop."""
    step = step_of(name, replicas).traced()
    silent = step_of(name, replicas, "epoch").traced()
    carrier = "float64" if CASES[name].weighted else "uint32"
    return _traced(name, replicas, step, testing.cross_replica_sums(silent), [carrier])


@functools.cache
def fit(kind: str, replicas: int) -> Traced:
    """A step of `Model.fit`, which has a metric of either kind of `sync` for each case."""
    model = fits.Fit(kind, replicas)
    step = model.traced()
    weighted = sum(case.weighted for case in model.cases.values())
    # The others are Keras's own: gradients.
    carriers = ["float64"] * weighted + ["uint32"] * (len(model.cases) - weighted)
    named = f"{len(model.cases)} metrics, {kind}"
    return _traced(named, replicas, step, None, carriers, others=[tf.float32])


def _traced(
    name: str,
    replicas: int,
    step: Any,
    silent: Sequence[tf.TensorSpec] | None,
    carriers: Sequence[str],
    others: Sequence[tf.DType] = (),
) -> Traced:
    report = testing.lint_tpu_ops(step)
    ours = [x for x in testing.cross_replica_sums(step) if x.dtype not in others]
    try:
        lowered = "ENTRY" in testing.replica_program(step).lower()
    except (ValueError, tf.errors.OpError):
        lowered = False
    ops, findings = sum(report.examined.values()), [str(x) for x in report.findings]
    return Traced(name, replicas, ops, findings, ours, silent, lowered, carriers)


@functools.cache
def emulated(name: str, replicas: int) -> Emulated:
    """Three steps, the last with high counters."""
    step = step_of(name, replicas)
    step.metric.reset_state()
    first, second, third = (step.case.columns(replicas, seed) for seed in range(3))
    alike = []
    with testing.emulated_tpu():
        for columns in (first, second):
            alike.append(_alike(step(columns), step))
        together = {key: np.concatenate([first[key], second[key]]) for key in first}
        expected = reference.counts(step.case, together)
        counts = reference.agree(step.case, step.metric.accumulator.read(), expected)
        if step.case.weighted:
            return Emulated(name, replicas, 2, counts, None, all(alike))
        before = start_high(step)
        alike.append(_alike(step(third), step))
    high = _added(step, before, reference.counts(step.case, third))
    return Emulated(name, replicas, 3, counts, high, all(alike))


def start_high(step: Step) -> Counts:
    """Gives each replica counters of its own above 2**40; returns their sum."""
    rng = np.random.default_rng(0)
    components = step.components()
    shape = len(components), components[0].shape[0]
    # The sums of the lower limbs do not fit into 16 bits, nor those of both into 32.
    layout = step.metric.accumulator.layout
    fields = [layout.unpack(vector) for vector in rng.integers(*HIGH, shape) | 0xFFFF0000]
    # A result is refused where there are invalid rows.
    fields = [counts._replace(invalid=np.zeros_like(counts.invalid)) for counts in fields]
    step.start_at(np.stack([layout.pack(counts) for counts in fields]))
    return step.metric.accumulator.read().numpy()


def _added(step: Step, before: Counts, expected: Counts) -> bool:
    after = step.metric.accumulator.read().numpy()
    difference = tf.nest.map_structure(lambda a, b: a - b, after, before)
    return reference.agree(step.case, difference, expected)


def _alike(read: Sequence[Any], step: Step) -> bool:
    """Whether all replicas have the same values, and the metric has them outside, too."""
    outside = tf.nest.map_structure(np.asarray, step.metric.result())
    same = all(same_values(read[0], other, rtol=0) for other in read)
    return same and same_values(read[0], outside, rtol=1e-6)


def same_values(mine: Any, theirs: Any, rtol: float) -> bool:
    """Whether two nests are equal, NaN too."""
    pairs = zip(tf.nest.flatten(mine), tf.nest.flatten(theirs), strict=True)
    return all(np.allclose(a, b, rtol=rtol, atol=0, equal_nan=True) for a, b in pairs)


def named(sums: Sequence[tf.TensorSpec]) -> str:
    """Dtypes and sizes."""
    return ", ".join(f"{x.dtype.name} x {x.shape.num_elements()}" for x in sums) or "none"
