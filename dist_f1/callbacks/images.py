"""Images for TensorBoard, which need matplotlib but not TensorBoard."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The metadata with which TensorBoard recognises images in an event file.
_PLUGIN = "images"
_DATA_CLASS_BLOB_SEQUENCE = 3


class ImageWriter:
    """Write figures to an event file, which is created with the first figure.

    Raises:
        ImportError: matplotlib is not installed.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            raise ImportError(
                "tensorboard_dir= needs matplotlib, which is not installed; "
                "pip install 'dist-f1[plot]', or omit tensorboard_dir."
            )
        self._directory = os.fspath(directory)
        self._writer: tf.summary.SummaryWriter | None = None

    def write(self, name: str, figure: Figure, step: int) -> None:
        """Add a figure under `name`, and flush."""
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._directory)
        # tf.summary.image needs TensorBoard, but tf.summary.write does not.
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = _PLUGIN
        metadata.data_class = _DATA_CLASS_BLOB_SEQUENCE
        with self._writer.as_default(), tf.summary.record_if(True):
            tf.summary.write(name, tf.constant(_encode(figure)), step, metadata)
        self._writer.flush()


def _encode(figure: Figure) -> list[bytes]:
    """Return width, height and PNG, TensorBoard's encoding of an image."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    png = file.getvalue()
    size = struct.unpack(">II", png[16:24])
    return [*(str(pixels).encode() for pixels in size), png]
