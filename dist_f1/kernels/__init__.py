"""Kernels: how the decision and the counting are done, chosen by device, class count and shape.

    chosen = choose(scores)                              # what will be used for these scores
    with override(compiled=False, argmax="rows"):        # a choice of one's own, for what is traced
        step = tf.function(...).get_concrete_function(...)

Every choice counts the same integers; they differ in what they cost. Reading is O(N C) once,
counting O(N), the state O(C).

| where | argmax | counting |
|---|---|---|
| CPU, 2**17 scores or more, N known | `"lanes"` | compiled by XLA |
| CPU otherwise | `"rows"` to 255 classes, then `"blocks"` | `"bincount"` |
| GPU | `"rows"` | `"bincount"` of int64 ids into int32, which has a GPU kernel |
| TPU | `"keys"` | `"matmul"` |
| a step that is compiled itself, on a CPU | `"lanes"` | `"segment_sum"` |
| a step that is compiled itself, elsewhere | `"rows"` | `"segment_sum"` |

Under Keras's `fit` N is unknown unless batches are made with `drop_remainder=True`. The choice for
GPUs follows from which kernels exist there, and that for TPUs from what their compiler estimates
(`make tpu-aot`); neither was timed. Scores in float64 and decisions for each of more than 4,080
classes are not compiled by themselves.
"""

from dist_f1.kernels.choice import DecisionKind, Kernels, choose, device, override

__all__ = ["DecisionKind", "Kernels", "choose", "device", "override"]
