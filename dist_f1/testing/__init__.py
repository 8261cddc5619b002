"""Check a step without the hardware it is written for. Needs only TensorFlow.

    from dist_f1 import testing

    testing.split_cpu(8)                              # before TensorFlow starts
    strategy = testing.tpu_strategy(8)                # a real TPUStrategy over simulated cores

    @tf.function
    def step(x, y):
        return strategy.run(replica, (x, y))

    print(testing.lint_tpu_ops(step, x, y))           # does every op have a TPU kernel?
    assert testing.count_collectives(step, x, y) == 1
    print(testing.cross_replica_sums(step, x, y))     # what is sent, in which dtype
    testing.replica_program(step, x, y).lower()       # compile with XLA, with unknown arguments

    with testing.emulated_tpu():                      # run the traced step on the CPU
        step(x, y)

`tpu_strategy` traces what TensorFlow would compile for a TPU, and `emulated_tpu` runs it. Neither
replaces a run on a TPU.
"""

from dist_f1.inspection.graphs import count_bytes as count_bytes
from dist_f1.inspection.graphs import count_collectives as count_collectives
from dist_f1.inspection.operations import count_operations as count_operations
from dist_f1.replicas.logical_devices import split_cpu as split_cpu
from dist_f1.testing.emulation import emulated_tpu as emulated_tpu
from dist_f1.testing.op_lint import Finding as Finding
from dist_f1.testing.op_lint import OpReport as OpReport
from dist_f1.testing.op_lint import cross_replica_sums as cross_replica_sums
from dist_f1.testing.op_lint import lint_tpu_ops as lint_tpu_ops
from dist_f1.testing.programs import Program as Program
from dist_f1.testing.programs import replica_program as replica_program
from dist_f1.testing.strategies import tpu_strategy as tpu_strategy
