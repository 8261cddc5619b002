"""The position of a job and its counts so far, as one value in a checkpoint."""

import base64
import dataclasses
import json
from typing import Literal

import tensorflow as tf

Phase = Literal["train", "validation", "done"]


@dataclasses.dataclass
class Position:
    """A position between two steps.

    Args:
        epoch: Number of the epoch, from 1.
        phase: `"train"`, `"validation"`, or `"done"` after the last epoch.
        step: Number of finished steps of the phase.
        total_steps: Number of finished steps of all phases.
        rows: Number of rows read in the phase, over all workers.
        loss: Sum of the losses of these rows.
        seconds: Duration of these steps.
        last: Epoch, phase, step and fingerprint of the last batch, to detect changed data; `None`
            before the first batch.
        sizes: Numbers of rows of both splits, `None` if unknown.
    """

    epoch: int = 1
    phase: Phase = "train"
    step: int = 0
    total_steps: int = 0
    rows: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    last: tuple[int, Phase, int, int] | None = None
    sizes: tuple[int | None, ...] = ()

    def start_next_phase(self, epochs: int) -> None:
        """Move to the next phase, of the next epoch if necessary."""
        if self.phase == "train":
            self.phase = "validation"
        elif self.epoch < epochs:
            self.epoch, self.phase = self.epoch + 1, "train"
        else:
            # The results of the run are those of the last evaluation: keep them.
            self.phase = "done"
            return
        self._reset()

    def restart_phase(self, phase: Phase) -> None:
        """Move back to the first step of a phase of this epoch."""
        self.total_steps -= self.step
        self.phase = phase
        self._reset()

    def _reset(self) -> None:
        self.step, self.rows, self.loss, self.seconds = 0, 0, 0.0, 0.0

    def __str__(self) -> str:
        if self.phase == "done":
            return "the end"
        return f"step {self.step} of {self.phase} in epoch {self.epoch}"


class Progress(tf.train.experimental.PythonState):
    """The position and the counts of the metrics of its phase, in a checkpoint.

    `counts` holds serialized accumulators. To serialize is a collective, so all workers do it
    before the chief saves.
    """

    def __init__(self) -> None:
        self.position = Position()
        self.counts: dict[str, bytes] = {}

    def serialize(self) -> bytes:
        """Return JSON."""
        counts = {name: base64.b64encode(one).decode() for name, one in self.counts.items()}
        return json.dumps(
            {"position": dataclasses.asdict(self.position), "counts": counts}
        ).encode()

    def deserialize(self, value: bytes) -> None:
        """Restore what `serialize` returned."""
        record = json.loads(value)
        self.position = Position(**record["position"])
        # JSON has lists instead of tuples.
        if self.position.last is not None:
            epoch, phase, step, fingerprint = self.position.last
            self.position.last = (epoch, phase, step, fingerprint)
        self.position.sizes = tuple(self.position.sizes)
        self.counts = {name: base64.b64decode(one) for name, one in record["counts"].items()}
