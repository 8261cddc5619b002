"""How far a job has come, and what it has counted since: one value that is saved as a whole."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Literal

import tensorflow as tf

Phase = Literal["train", "validation", "done"]


@dataclasses.dataclass
class Position:
    """A place between two steps.

    Args:
        epoch: from 1.
        phase: `"train"`, `"validation"` or, after the last epoch, `"done"`.
        step: how many of the phase are done.
        total_steps: of all phases.
        rows: that the steps of the phase have read, over all workers.
        loss: summed over these rows.
        seconds: that they took.
        last: the epoch, phase, step and fingerprint of the batch that was read last, so that
            other data are noticed; `None` before the first.
        sizes: the rows of both splits, where they are known.
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

    def next_phase(self, epochs: int) -> None:
        """Goes on to the next evaluation, epoch, or the end."""
        if self.phase == "train":
            self.phase = "validation"
        elif self.epoch < epochs:
            self.epoch, self.phase = self.epoch + 1, "train"
        else:
            # What the last evaluation has counted is what the run ends with.
            self.phase = "done"
            return
        self._begin()

    def begin_phase_again(self, phase: Phase) -> None:
        """Goes back to the beginning of the pass, of the last one if all are done."""
        self.total_steps -= self.step
        self.phase = phase
        self._begin()

    def _begin(self) -> None:
        self.step, self.rows, self.loss, self.seconds = 0, 0, 0.0, 0.0

    def __str__(self) -> str:
        if self.phase == "done":
            return "the end"
        return f"step {self.step} of {self.phase} in epoch {self.epoch}"


class Progress(tf.train.experimental.PythonState):
    """A position and the counts up to there, in a checkpoint.

    `counts` are those of the metrics that the phase uses, as their accumulators serialize them.
    On several workers that is a collective, so it is done by all of them before one of them saves.
    """

    def __init__(self) -> None:
        self.position = Position()
        self.counts: dict[str, bytes] = {}

    def serialize(self) -> bytes:
        """As JSON."""
        counts = {name: base64.b64encode(one).decode() for name, one in self.counts.items()}
        return json.dumps(
            {"position": dataclasses.asdict(self.position), "counts": counts}
        ).encode()

    def deserialize(self, value: bytes) -> None:
        """Takes over what was saved."""
        told = json.loads(value)
        self.position = Position(**told["position"])
        # JSON knows lists alone.
        if self.position.last is not None:
            epoch, phase, step, fingerprint = self.position.last
            self.position.last = (epoch, phase, step, fingerprint)
        self.position.sizes = tuple(self.position.sizes)
        self.counts = {name: base64.b64decode(one) for name, one in told["counts"].items()}
