"""Tools to look at a step without the hardware that it is for: they need TensorFlow alone.

    from dist_f1 import testing

    testing.split_cpu(8)                              # before TensorFlow starts
    strategy = testing.tpu_strategy(8)                # a real TPUStrategy, over made-up cores

    @tf.function
    def step(x, y):
        return strategy.run(replica, (x, y))

    print(testing.lint_tpu_ops(step, x, y))           # every op has a kernel on a TPU
    assert testing.count_collectives(step, x, y) == 1
    print(testing.cross_replica_sums(step, x, y))     # what is sent, and in which dtype
    testing.replica_program(step, x, y).lower()       # XLA compiles it, its arguments unknown

    with testing.emulated_tpu():                      # the traced step, on the CPU
        step(x, y)

`tpu_strategy` traces what would be compiled for a TPU, and `emulated_tpu` runs it. Neither is a run
on a TPU.
"""

from dist_f1.inspection.graphs import count_bytes, count_collectives
from dist_f1.inspection.operations import count_operations
from dist_f1.replicas.logical_devices import split_cpu
from dist_f1.testing.emulation import emulated_tpu
from dist_f1.testing.op_lint import Finding, OpReport, cross_replica_sums, lint_tpu_ops
from dist_f1.testing.programs import Program, replica_program
from dist_f1.testing.strategies import tpu_strategy

__all__ = [
    "Finding",
    "OpReport",
    "Program",
    "count_bytes",
    "count_collectives",
    "count_operations",
    "cross_replica_sums",
    "emulated_tpu",
    "lint_tpu_ops",
    "replica_program",
    "split_cpu",
    "tpu_strategy",
]
