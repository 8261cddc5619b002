"""Counting by compiled code, also where the number of rows is unknown while tracing.

XLA compiles a program once for each shape. A pipeline has one or two numbers of rows, so the first
few that recur are compiled as they are. Batches of other sizes, if there are many, are cut
into blocks of a fixed number of rows, which share one program. Small batches and the first ones of
other sizes are counted by plain ops.
"""

import dataclasses
import os
from collections.abc import Callable

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.counting.tracing import not_inlined
from dist_f1.kernels import MIN_COMPILED, number_of_rows, row_width
from dist_f1.replicas import contexts

CountBatch = Callable[[Rows], tf.Tensor]

# Number of sizes that are compiled as they are, and of sizes that are remembered until they recur.
_WHOLE_SIZES, _RECENT_SIZES = 4, 8
# Batches of other sizes that plain ops count before blocks are compiled.
_PLAIN_BATCHES = 8
# Predictions in a block. Rows start at multiples of 64 bytes then, so that a block is no copy.
_BLOCK, _ALIGNED_ROWS = MIN_COMPILED, 16
# With more counts for each row, plain ops are faster than adding up the counts of blocks.
_MAX_COUNTS_PER_ROW = 4
# Blocks that are counted at the same time.
_PARALLEL = min(os.cpu_count() or 1, 16)
_SIZES = "dist_f1_sizes"
# Lengths of what is remembered: sizes that are compiled, the latest others, a number of batches.
_PARTS = (_WHOLE_SIZES, _RECENT_SIZES, 1)


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
        # Tensors that the branch captures would take operations in each step.
        large = not_inlined(lambda: self._count_large(rows, tf.shape(rows.y_pred)[0]))
        # In a step that is compiled later, XLA leaves out a constant `tf.switch_case`'s other
        # branch, but not that of a `tf.cond`. It cannot slice a block out of a smaller batch.
        # Any index but 0 is the last branch.
        limit = -(-MIN_COMPILED // row_width(rows.y_pred))
        number = tf.unstack(tf.shape(rows.y_pred))[0]
        return tf.switch_case(number // limit, [lambda: self.small(rows), large])

    def _count_large(self, rows: Rows, number: tf.Tensor) -> tf.Tensor:
        sizes = _Sizes()

        def count_new_size() -> tf.Tensor:
            recurs, batches = sizes.note(number)
            return tf.cond(
                recurs, lambda: self.large(rows), lambda: self._count_other(rows, number, batches)
            )

        return tf.cond(sizes.include(number), lambda: self.large(rows), not_inlined(count_new_size))

    def _count_other(self, rows: Rows, number: tf.Tensor, batches: tf.Tensor) -> tf.Tensor:
        block = block_rows(row_width(rows.y_pred), self.length)
        if block is None:
            return self.small(rows)
        return tf.cond(
            batches > _PLAIN_BATCHES,
            lambda: self._count_blocks(rows, number, block),
            lambda: self.small(rows),
        )

    def _count_blocks(self, rows: Rows, number: tf.Tensor, size: int) -> tf.Tensor:
        """Add up blocks of `size` rows; the batch has at least one.

        A block that would end after the last row starts earlier. A mask leaves out the rows that
        it shares with others.
        """

        def count_block(start: tf.Tensor) -> tf.Tensor:
            first = tf.minimum(start, number - size)

            def block(tensor: tf.Tensor) -> tf.Tensor:
                rest = tensor.shape.as_list()[1:]
                return tf.slice(tensor, [first, *[0] * len(rest)], [size, *rest])

            tensors = {k: block(x) for k, x in rows._asdict().items() if tf.is_tensor(x)}
            part = rows._replace(**tensors)
            is_new = tf.range(size) >= start - first
            return self.large(
                part._replace(mask=is_new if part.mask is None else part.mask & is_new)
            )

        def add_blocks(start: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # XLA uses one core for a program of this size.
            parts = [count_block(start + i * size) for i in range(_PARALLEL)]
            return start + _PARALLEL * size, counts + tf.add_n(parts)

        dtype = tf.float64 if rows.is_weighted else tf.int64
        initial = tf.zeros([], tf.int32), tf.zeros([self.length], dtype)
        return tf.while_loop(lambda start, _: start < number, add_blocks, initial)[1]


class _Sizes:
    """The sizes that are compiled as they are in one trace, and the latest others."""

    def __init__(self) -> None:
        def create() -> tf.Variable:
            with tf.device("CPU"):
                return tf.Variable(tf.fill([sum(_PARTS)], -1), trainable=False)

        self._variable = contexts.call_eagerly(create)
        # The graph keeps it alive. It is no state to save, so no object tracks it.
        tf.compat.v1.get_default_graph().add_to_collection(_SIZES, self._variable)

    def _read(self) -> list[tf.Tensor]:
        return tf.split(self._variable.read_value(), _PARTS)

    def include(self, size: tf.Tensor) -> tf.Tensor:
        """Whether batches of this size are compiled as they are."""
        return tf.reduce_any(tf.equal(self._read()[0], size))

    def note(self, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Note another size.

        Returns:
            Whether it recurs, and is compiled from now on; and the number of batches of others.
        """
        compiled, recent, batches = self._read()
        used = tf.math.count_nonzero(compiled >= 0, dtype=tf.int32)
        recurs = (used < _WHOLE_SIZES) & tf.reduce_any(tf.equal(recent, size))
        batches += tf.where(recurs, 0, 1)
        is_next = tf.equal(tf.range(_WHOLE_SIZES), used) & recurs
        is_latest = tf.equal(tf.range(_RECENT_SIZES), batches % _RECENT_SIZES) & ~recurs
        compiled = tf.where(is_next, size, compiled)
        recent = tf.where(is_latest, size, recent)
        assigned = self._variable.assign(tf.concat([compiled, recent, batches], axis=0))
        with tf.control_dependencies([assigned]):
            return tf.identity(recurs), batches[0]
