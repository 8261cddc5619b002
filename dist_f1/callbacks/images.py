"""Pictures for TensorBoard, which need matplotlib but not TensorBoard itself."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How TensorBoard tells what a tensor in an event file is.
_PLUGIN = "images"
_BLOBS = 3


class Images:
    """Writes figures to an event file, which is made with the first.

    Args:
        directory: of the event file, one that `tensorboard --logdir` is pointed at.

    Raises:
        ImportError: matplotlib is not installed.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            raise ImportError(
                "tensorboard_dir= asks for pictures, which need matplotlib; "
                "pip install 'dist-f1[plot]', or leave tensorboard_dir out."
            )
        self._directory = os.fspath(directory)
        self._writer: tf.summary.SummaryWriter | None = None

    def write(self, name: str, figure: Figure, step: int) -> None:
        """Adds a figure under `name`, and flushes."""
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._directory)
        # tf.summary.image is a part of TensorBoard; what it writes is not.
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = _PLUGIN
        metadata.data_class = _BLOBS
        with self._writer.as_default(), tf.summary.record_if(True):
            tf.summary.write(name, tf.constant(_encode(figure)), step, metadata)
        self._writer.flush()


def _encode(figure: Figure) -> list[bytes]:
    """Width, height and PNG, as TensorBoard keeps an image."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    png = file.getvalue()
    size = struct.unpack(">II", png[16:24])
    return [*(str(pixels).encode() for pixels in size), png]
