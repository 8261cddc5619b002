"""`AsynchronousCopy`: the counts of an accumulator when a checkpoint was requested."""

import tensorflow as tf

from dist_f1.counts import files
from dist_f1.counts.layout import Layout


class AsynchronousCopy(tf.train.experimental.PythonState):
    """The counts of an accumulator when an asynchronous checkpoint was requested."""

    def __init__(self, layout: Layout, decision: str, vector: tf.Variable) -> None:
        self._layout, self._decision = layout, decision
        self.vector = vector

    def serialize(self) -> bytes:
        """Return the counts, like `Accumulator.serialize`."""
        counts = self._layout.unpack(self.vector.read_value())
        return files.dumps(counts.numpy()._asdict(), self._layout.thresholds, self._decision)

    def deserialize(self, value: bytes) -> None:
        """Raise: a copy is only written."""
        raise NotImplementedError
