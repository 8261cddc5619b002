"""Kernels: how a batch is decided and counted, chosen by device, number of classes and shape.

    chosen = choose(y_score)                             # kernels for these predictions
    with override(compiled=False, argmax="rows"):        # your choice, while tracing
        step = tf.function(...).get_concrete_function(...)

All kernels count the same integers and differ only in cost. One pass over the predictions takes
O(N C), counting takes O(N), and the state O(C).

- On a CPU, 2**17 predictions or 2**14 labels: argmax `"lanes"`, and XLA compiles the counting.
- On a CPU otherwise: argmax `"rows"` to 255 classes, then `"blocks"`; counting `"bincount"`.
- On a GPU: `"rows"`, and `"bincount"` of int64 ids into int32, which has a GPU kernel.
- On a TPU: `"keys"`, and `"matmul"`.
- In a compiled step (`jit_compile=True`) on a CPU: `"lanes"`, and `"segment_sum"`.
- In a compiled step elsewhere: `"rows"`, and `"segment_sum"`.

Under Keras's `fit`, N is unknown unless batches are made with `drop_remainder=True`. Then the first
four numbers of rows that recur are compiled as they are, and if there are many others, these share
one program for a block of rows (`dist_f1.counting.open_sizes`). Eager updates do the same from the
65th large batch on (`dist_f1.counting.eager`). Each compilation takes 0.2 to 0.5 s. The environment
variable DIST_F1_COMPILE=0 switches compilation off, and so does `override(compiled=False)`.

The choice for GPUs follows from the kernels that exist there, and the choice for TPUs from the
estimates of their compiler (`make tpu-aot`); neither was timed. Without a threshold, predictions in
float64 are only compiled as part of a compiled step.
"""

from dist_f1.kernels.choice import MIN_COMPILED as MIN_COMPILED
from dist_f1.kernels.choice import DecisionKind as DecisionKind
from dist_f1.kernels.choice import Kernels as Kernels
from dist_f1.kernels.choice import choose as choose
from dist_f1.kernels.choice import device as device
from dist_f1.kernels.choice import may_share_program as may_share_program
from dist_f1.kernels.choice import number_of_rows as number_of_rows
from dist_f1.kernels.choice import override as override
from dist_f1.kernels.choice import row_width as row_width
