"""Event files for TensorBoard. Writing them takes TensorFlow alone, not TensorBoard."""

from __future__ import annotations

import os
import pathlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from dist_f1.callbacks.file_errors import os_errors
from dist_f1.callbacks.trackers.contents import ClassCurve, to_png
from dist_f1.counts.atomic_write import explained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The classes of data of TensorBoard's SummaryMetadata.
_SCALAR, _TENSOR, _BLOB_SEQUENCE = 1, 2, 3


class EventFile:
    """An event file of a directory, which is created with the first value.

    The functions of `tf.summary` for scalars, text and images need TensorBoard; `tf.summary.write`
    does not.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = pathlib.Path(directory)
        self._writer: tf.summary.SummaryWriter | None = None
        self._paths: set[pathlib.Path] = set()

    @contextmanager
    def as_default(self) -> Iterator[None]:
        """Make this the file of `tf.summary`, and flush at the end.

        Raises:
            OSError: The file cannot be written. It then ends with the last complete block.
        """
        sizes = {path: path.stat().st_size for path in self._paths if path.exists()}
        with explained(self._directory):
            try:
                with os_errors():
                    if self._writer is None:
                        self._create()
                    assert self._writer is not None
                    with self._writer.as_default(), tf.summary.record_if(True):
                        yield
                    self._writer.flush()
            except OSError:
                self._cut(sizes)
                raise

    def _create(self) -> None:
        others = set(self._directory.glob("*"))
        try:
            self._writer = tf.summary.create_file_writer(str(self._directory))
        finally:
            self._paths = set(self._directory.glob("*")) - others

    def _cut(self, sizes: dict[pathlib.Path, int]) -> None:
        """Remove incomplete records. The next block starts another file."""
        if self._writer is not None:
            # It may write the rest of its buffer.
            with suppress(tf.errors.OpError):
                self._writer.close()
            self._writer = None
        for path in self._paths:
            with suppress(OSError):
                if path in sizes:
                    os.truncate(path, sizes[path])
                else:
                    path.unlink()
        self._paths = set()


def write_scalar(name: str, value: float, step: int) -> None:
    """Write a number to the current event file."""
    tf.summary.write(name, tf.constant(value, tf.float32), step, _metadata("scalars", _SCALAR))


def write_markdown(name: str, text: str, step: int) -> None:
    """Write a text in Markdown to the current event file."""
    tf.summary.write(name, tf.constant(text), step, _metadata("text", _TENSOR))


def write_figure(name: str, figure: Figure, step: int) -> None:
    """Write a figure to the current event file."""
    png = to_png(figure)
    size = struct.unpack(">II", png[16:24])
    # Width, height and PNG are TensorBoard's encoding of an image.
    encoded = [*(str(pixels).encode() for pixels in size), png]
    tf.summary.write(name, tf.constant(encoded), step, _metadata("images", _BLOB_SEQUENCE))


def write_curve(name: str, curve: ClassCurve, step: int) -> None:
    """Write a precision-recall curve with evenly spaced thresholds to the current event file."""
    _, thresholds, *columns = curve
    values = tf.constant(np.stack(columns), tf.float32)
    # The message PrCurvePluginData of TensorBoard: field 2 is the number of thresholds.
    content = b"\x10" + _varint(len(thresholds))
    tf.summary.write(name, values, step, _metadata("pr_curves", _TENSOR, content))


def _metadata(plugin: str, data_class: int, content: bytes = b"") -> tf.compat.v1.SummaryMetadata:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    metadata.plugin_data.content = content
    metadata.data_class = data_class
    return metadata


def _varint(number: int) -> bytes:
    """Encode an integer as Protocol Buffers do: seven bits a byte, lowest first.

    Example:
        >>> _varint(201).hex()
        'c901'
    """
    *head, last = _septets(number)
    return bytes([*(byte | 0x80 for byte in head), last])


def _septets(number: int) -> list[int]:
    return [number & 0x7F] + (_septets(number >> 7) if number >> 7 else [])
