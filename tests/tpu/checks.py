"""Results of each case, as rows of tables with their problems."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from comparisons import only_valid
from helpers import tpu

from dist_f1 import Counts, testing
from tpu import fits, reference
from tpu.cases import CASES, Case
from tpu.steps import Step, distribute, step_for

# Counters between these overflow 16-bit limbs and sums of limbs.
HIGH = (2**40, 2**41)
# The number of replicas only changes the constants of a graph, so few cases have 32.
_ON_32 = ("F1Score", "ConfusionMatrix", "ThresholdSweep", "samples average", "groups")
STEPS = [*((name, 8) for name in CASES), *((name, 32) for name in _ON_32)]
# Whether the targets are multilabel, and the number of replicas.
FITS = [(False, 8), (True, 8), (True, 32)]


@dataclasses.dataclass(frozen=True)
class Traced:
    """A step as traced for a TPU.

    Args:
        case: Name of the case.
        replicas: Number of replicas.
        ops: Number of ops.
        findings: Findings of the lint.
        sums: Tensors that the step sums over replicas, without Keras's own.
        expected_sums: Dtypes that `sums` must have.
        other_collectives: Number of collectives besides `sums`.
        is_compiled: Whether XLA compiles one replica's program.
    """

    case: str
    replicas: int
    ops: int
    findings: Sequence[str]
    sums: Sequence[tf.TensorSpec]
    expected_sums: Sequence[str]
    other_collectives: int
    is_compiled: bool

    @property
    def problems(self) -> list[str]:
        """Return the failed checks."""
        problems = list(self.findings)
        if sorted(x.dtype.name for x in self.sums) != sorted(self.expected_sums):
            expected = ", ".join(self.expected_sums) or "none"
            problems.append(f"sums {describe(self.sums)}, expected {expected}")
        if self.other_collectives:
            problems.append(f"has {self.other_collectives} collectives that are no sums")
        return problems if self.is_compiled else [*problems, "XLA cannot compile it"]


@dataclasses.dataclass(frozen=True)
class Emulated:
    """Steps that were run on the CPU.

    Args:
        case: Name of the case.
        replicas: Number of replicas.
        steps: Number of steps.
        counts_match: Whether the counts equal NumPy's.
        high_counts_match: Whether they do from high counters on; `None` for weighted counts.
        replicas_agree: Whether all replicas read the same result as the host, in each step.
    """

    case: str
    replicas: int
    steps: int
    counts_match: bool
    high_counts_match: bool | None
    replicas_agree: bool

    @property
    def problems(self) -> list[str]:
        """Return the failed checks."""
        checks = {
            "counts differ from NumPy's": self.counts_match,
            "counts differ from NumPy's for high counters": self.high_counts_match is not False,
            "replicas read different results": self.replicas_agree,
        }
        return [problem for problem, passed in checks.items() if not passed]


@functools.cache
def loop(name: str, replicas: int) -> Traced:
    """Trace a step of a custom loop, with an update and a read."""
    step = step_for(name, replicas).traced()
    expected = "float64" if CASES[name].is_weighted else "uint32"
    return _traced(name, replicas, step, [expected], testing.count_collectives(step) - 1)


def epoch_reads(replicas: int) -> Traced:
    """Check one step that updates and reads the metrics of all cases with `sync="epoch"`."""
    step = traced_epoch_reads(list(CASES.values()), replicas)
    name = f'all {len(CASES)} cases, sync="epoch"'
    return _traced(name, replicas, step, [], testing.count_collectives(step))


def traced_epoch_reads(cases: Sequence[Case], replicas: int) -> Any:
    """Trace one step that updates and reads several metrics with `sync="epoch"`."""
    strategy = tpu(replicas)
    with strategy.scope():
        metrics = [case.make(sync="epoch", name=f"case_{i}") for i, case in enumerate(cases)]
    batches = [distribute(strategy, case.columns(replicas)) for case in cases]

    def replica(batches: Sequence[Any]) -> list[tf.Tensor]:
        for metric, columns in zip(metrics, batches, strict=True):
            metric.update_state(**columns)
        return tf.nest.flatten([metric.result() for metric in metrics])

    @tf.autograph.experimental.do_not_convert
    def step() -> Any:
        return strategy.run(replica, (batches,))

    # Unlike `get_concrete_function`, this traces only once. It needs unique variable names.
    return tf.compat.v1.wrap_function(step, signature=[])


@functools.cache
def fit(is_multilabel: bool, replicas: int) -> Traced:
    """Trace a step of `Model.fit` that has each metric with both kinds of `sync`."""
    model = fits.Fit(is_multilabel, replicas)
    expected = ["float64" if case.is_weighted else "uint32" for case in model.cases]
    name = f"{2 * len(expected)} metrics, {'multilabel' if is_multilabel else 'ids'}"
    # Keras sums the float32 gradients.
    return _traced(name, replicas, model.traced(), expected, 0, ignored=[tf.float32])


def _traced(
    name: str,
    replicas: int,
    step: Any,
    expected_sums: Sequence[str],
    other_collectives: int,
    ignored: Sequence[tf.DType] = (),
) -> Traced:
    report = testing.lint_tpu_ops(step)
    sums = [x for x in testing.cross_replica_sums(step) if x.dtype not in ignored]
    try:
        is_compiled = "ENTRY" in testing.replica_program(step).lower()
    except (ValueError, tf.errors.OpError):
        is_compiled = False
    ops, findings = report.examined.total(), [str(x) for x in report.findings]
    return Traced(
        name, replicas, ops, findings, sums, expected_sums, other_collectives, is_compiled
    )


@functools.cache
def emulated(name: str, replicas: int) -> Emulated:
    """Run two steps, and for integer counts a third one from high counters on."""
    step = step_for(name, replicas)
    step.metric.reset_state()
    first, second, third = (step.case.columns(replicas, seed) for seed in range(3))
    with testing.emulated_tpu():
        agree = [_replicas_agree(step(columns), step) for columns in (first, second)]
        both = {key: np.concatenate([first[key], second[key]]) for key in first}
        counts = step.metric.accumulator.read()
        matches = reference.equal(step.case, counts, reference.counts(step.case, both))
        if step.case.is_weighted:
            return Emulated(name, replicas, 2, matches, None, all(agree))
        before = start_high(step)
        agree.append(_replicas_agree(step(third), step))
    after = step.metric.accumulator.read().numpy()
    added = tf.nest.map_structure(lambda a, b: a - b, after, before)
    high_matches = reference.equal(step.case, added, reference.counts(step.case, third))
    return Emulated(name, replicas, 3, matches, high_matches, all(agree))


def start_high(step: Step) -> Counts:
    """Give each replica counters above 2**40, and return their sums."""
    rng = np.random.default_rng(0)
    components = step.components()
    shape = len(components), components[0].shape[0]
    # Sums of the low limbs exceed 16 bits, and sums of the two lowest exceed 32 bits.
    layout = step.metric.accumulator.layout
    fields = [layout.unpack(vector) for vector in rng.integers(*HIGH, shape) | 0xFFFF0000]
    # Invalid rows would make `result` raise.
    fields = [only_valid(counts) for counts in fields]
    step.assign(np.stack([layout.pack(counts) for counts in fields]))
    return step.metric.accumulator.read().numpy()


def _replicas_agree(read: Sequence[Any], step: Step) -> bool:
    """Whether all replicas read the same values, and the host does too."""
    on_host = tf.nest.map_structure(np.asarray, step.metric.result())
    is_same = all(_is_close(read[0], other, rtol=0) for other in read)
    return is_same and _is_close(read[0], on_host, rtol=1e-6)


def _is_close(a: Any, b: Any, rtol: float) -> bool:
    pairs = zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True)
    return all(np.allclose(x, y, rtol=rtol, atol=0, equal_nan=True) for x, y in pairs)


def describe(sums: Sequence[tf.TensorSpec]) -> str:
    """Return the dtype and size of a sum, or of several the number of each dtype."""
    if len(sums) == 1:
        return f"{sums[0].dtype.name} x {sums[0].shape.num_elements()}"
    dtypes = [x.dtype.name for x in sums]
    return ", ".join(f"{dtypes.count(x)} of {x}" for x in dict.fromkeys(dtypes)) or "none"
