"""Counting by compiled code, also where the number of rows is unknown while tracing.

XLA compiles a program once for each shape. A pipeline has one or two numbers of rows, so the first
few that occur are compiled as they are. Batches of any other size are cut into blocks of a fixed
number of rows, which share one program. Small batches are counted by plain ops.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.kernels import MIN_COMPILED, number_of_rows, row_width
from dist_f1.replicas import contexts

CountBatch = Callable[[Rows], tf.Tensor]

# Number of sizes that are compiled as they are.
_WHOLE_SIZES = 4
# Predictions in a block. Rows start at multiples of 64 bytes then, so that a block is no copy.
_BLOCK, _ALIGNED_ROWS = 2**17, 16
# With more counts for each row, plain ops are faster than adding up the counts of blocks.
_MAX_COUNTS_PER_ROW = 4
_SIZES = "dist_f1_sizes"


def block_rows(width: int, length: int) -> int | None:
    """Return the number of rows of a block, or `None` if plain ops are faster than blocks.

    Args:
        width: Number of predictions in a row.
        length: Length of the vector of counts.
    """
    rows = _BLOCK // width // _ALIGNED_ROWS * _ALIGNED_ROWS
    return rows if length <= _MAX_COUNTS_PER_ROW * rows else None


@dataclasses.dataclass(frozen=True)
class Programs:
    """Counts batches that are large, or whose number of rows is unknown.

    Args:
        small: Function that counts a small batch, with plain ops.
        large: Function that counts a large one, and is compiled by XLA at least in part.
        length: Length of the vector of counts.
    """

    small: CountBatch
    large: CountBatch
    length: int

    def count(self, rows: Rows) -> tf.Tensor:
        """Count a batch into a vector."""
        if number_of_rows(rows.y_pred) is not None:
            return self.large(rows)
        number = tf.shape(rows.y_pred)[0]
        # In a step that is compiled later, XLA leaves out a constant `tf.switch_case`'s other
        # branch, but not that of a `tf.cond`. A batch of less than one block has no first block.
        is_large = number >= -(-MIN_COMPILED // row_width(rows.y_pred))
        return tf.switch_case(
            tf.cast(is_large, tf.int32),
            [lambda: self.small(rows), lambda: self._count_large(rows, number)],
        )

    def _count_large(self, rows: Rows, number: tf.Tensor) -> tf.Tensor:
        # Inlined, its operations would delay each batch, although they are not executed.
        count_otherwise = tf.function(
            self._count_other_size, autograph=False, experimental_attributes={"_noinline": True}
        )
        return tf.cond(
            _is_one_of_the_first(number),
            lambda: self.large(rows),
            lambda: count_otherwise(rows, number),
        )

    def _count_other_size(self, rows: Rows, number: tf.Tensor) -> tf.Tensor:
        block = block_rows(row_width(rows.y_pred), self.length)
        if block is None:
            return self.small(rows)
        return self._count_blocks(rows, number, block)

    def _count_blocks(self, rows: Rows, number: tf.Tensor, size: int) -> tf.Tensor:
        """Add up blocks of `size` rows; the batch has at least one.

        The last block ends with the last row. A mask leaves out the rows that it shares with the
        block before.
        """

        def add_block(start: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            first = tf.minimum(start, number - size)

            def block(tensor: tf.Tensor) -> tf.Tensor:
                rest = tensor.shape.as_list()[1:]
                return tf.slice(tensor, [first, *[0] * len(rest)], [size, *rest])

            tensors = {k: block(x) for k, x in rows._asdict().items() if tf.is_tensor(x)}
            part = rows._replace(**tensors)
            is_new = tf.range(size) >= start - first
            part = part._replace(mask=is_new if part.mask is None else part.mask & is_new)
            return start + size, counts + self.large(part)

        dtype = tf.float64 if rows.is_weighted else tf.int64
        initial = tf.zeros([], tf.int32), tf.zeros([self.length], dtype)
        return tf.while_loop(lambda start, _: start < number, add_block, initial)[1]


def _is_one_of_the_first(size: tf.Tensor) -> tf.Tensor:
    """Whether a size is one of the first `_WHOLE_SIZES` that occur in this trace."""

    def create() -> tf.Variable:
        with tf.device("CPU"):
            return tf.Variable([-1] * _WHOLE_SIZES, trainable=False)

    seen = contexts.call_eagerly(create)
    # The graph keeps the variable alive. It is no state to save, so no object tracks it.
    tf.compat.v1.get_default_graph().add_to_collection(_SIZES, seen)
    sizes = seen.read_value()

    def add() -> tf.Tensor:
        used = tf.math.count_nonzero(sizes >= 0, dtype=tf.int32)
        added = tf.where(tf.equal(tf.range(_WHOLE_SIZES), used), size, sizes)
        with tf.control_dependencies([seen.assign(added)]):
            return used < _WHOLE_SIZES

    return tf.cond(tf.reduce_any(tf.equal(sizes, size)), lambda: tf.constant(True), add)
