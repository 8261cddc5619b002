"""The best class of each row, in a form that XLA compiles for CPUs to one vectorized pass.

A row of C predictions is cut into slices of as many classes as there are lanes. Each lane compares
slice after slice with its highest value so far, and keeps the class beside it. All ops are
elementwise, so SIMD instructions process 8 or 16 predictions at once. Only the lanes are reduced
along the row. Long rows are first cut into parts of equal width.
"""

import functools

import tensorflow as tf

from dist_f1.kernels.keys import best_of_key, keys

# XLA keeps 16 lanes in registers.
LANES = 16
# With wider parts, the code for narrow dtypes is not vectorized, and compiles more slowly. With
# narrower ones, reducing the lanes costs more than the slices.
_MAX_WIDTH, _MIN_WIDTH = 208, 40
# A row without equal parts has slices of 16 lanes up to this size, and few wide slices beyond.
_MAX_SLICED, _FEW_SLICES = 2048, 25
# XLA unrolls loops along a row up to this length.
UNROLLED = 32


def best_in_lanes(y_score: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, for predictions `[..., C]` of at most 32 bits and a static C."""
    y_score, first = cut(y_score)
    starts, lanes = slices(y_score.shape.as_list()[-1])
    best = tf.cast(y_score[..., :lanes], tf.float32)
    best_start, has_nan = tf.zeros_like(best, tf.int32), tf.not_equal(best, best)
    for start in starts[1:]:
        current = tf.cast(y_score[..., start : start + lanes], tf.float32)
        is_better = tf.greater(current, best)
        best = tf.where(is_better, current, best)
        best_start = tf.where(is_better, start, best_start)
        has_nan |= tf.not_equal(current, current)
    largest = _row_max(keys(best, has_nan, best_start + first + tf.range(lanes)))
    return best_of_key(largest if isinstance(first, int) else _row_max(largest), index)


def cut(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | int]:
    """Cut rows `[..., C]` into equal parts `[..., P, W]`, if they are long.

    Returns:
        The parts, and the id of the first class of each, `[P, 1]`; or the rows and 0.
    """
    *leading, size = rows.shape.as_list()
    width = part_width(size)
    if width == size:
        return rows, 0
    shape = [-1] if len(leading) == 1 else tf.shape(rows)[:-1]
    parts = tf.reshape(rows, tf.concat([shape, [size // width, width]], axis=0))
    return parts, tf.range(0, size, width)[:, tf.newaxis]


@functools.cache
def part_width(size: int) -> int:
    """Return the width of the parts of a row; that of the row if it is not cut."""
    if size <= _MAX_WIDTH:
        return size
    # A part of another width would be copied.
    widths = [w for w in range(_MAX_WIDTH, _MIN_WIDTH - 1, -1) if size % w == 0]
    return widths[0] if widths else size


def slices(size: int) -> tuple[list[int], int]:
    """Return the starts of slices and their common length. The last two slices may overlap."""
    lanes = LANES if size <= _MAX_SLICED else LANES * -(-size // (LANES * _FEW_SLICES))
    if size <= lanes:
        lanes = -(-size // 2)
    return [*range(0, size - lanes, lanes), size - lanes], lanes


def _row_max(values: tf.Tensor) -> tf.Tensor:
    """Return the largest integer of each row."""
    while (size := values.shape.as_list()[-1]) > UNROLLED:
        starts, lanes = slices(size)
        values = functools.reduce(
            tf.maximum, [values[..., start : start + lanes] for start in starts]
        )
    return tf.reduce_max(values, axis=-1)
