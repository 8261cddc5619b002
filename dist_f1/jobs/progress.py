"""The position of a job and its counts so far, as one value in a checkpoint."""

import base64
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import tensorflow as tf

from dist_f1.counts.json_objects import parse_object

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
        """Restore what `serialize` returned.

        Raises:
            ValueError: The value is not what `serialize` returns.
        """
        # The counts are long texts, e.g. those of a confusion matrix.
        record = parse_object(value, "The progress of the job", math.inf)
        fields, counts = record.get("position"), record.get("counts")
        if not isinstance(fields, dict) or not isinstance(counts, dict):
            raise ValueError("The progress of the job holds no position or no counts.")
        position = _parse_position(fields)
        self.counts = {name: _decode(name, text) for name, text in counts.items()}
        self.position = position


def _parse_position(fields: Mapping[str, Any]) -> Position:
    """Return the position with these fields; raise `ValueError` for one that cannot be."""
    expected = {field.name for field in dataclasses.fields(Position)}
    if set(fields) != expected:
        raise ValueError(f"The position has the fields {sorted(fields)}, not {sorted(expected)}.")
    # JSON has lists instead of tuples.
    lists = {"last": fields["last"], "sizes": fields["sizes"]}
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in lists.items()}
    position = Position(**{**fields, **tuples})
    invalid = [name for name, is_valid in _checks(position).items() if not is_valid]
    if invalid:
        raise ValueError(
            f"The position has an impossible {invalid[0]}: {fields[invalid[0]]!r:.60}."
        )
    return position


def _checks(position: Position) -> dict[str, bool]:
    """Return whether each field of a position is possible."""
    last, sizes = position.last, position.sizes
    return {
        "epoch": _is_count(position.epoch, 1),
        "phase": position.phase in get_args(Phase),
        "step": _is_count(position.step),
        "total_steps": _is_count(position.total_steps, position.step),
        # A batch has at least one row.
        "rows": _is_count(position.rows, position.step),
        # The loss may be infinite.
        "loss": isinstance(position.loss, float),
        "seconds": isinstance(position.seconds, float) and math.isfinite(position.seconds),
        "last": last is None or _is_last(last),
        "sizes": isinstance(sizes, tuple)
        and len(sizes) in (0, 2)
        and all(size is None or _is_count(size) for size in sizes),
    }


def _is_last(last: object) -> bool:
    if not isinstance(last, tuple) or len(last) != 4:
        return False
    epoch, phase, step, fingerprint = last
    is_phase = phase in ("train", "validation")
    return _is_count(epoch, 1) and is_phase and _is_count(step, 1) and _is_count(fingerprint)


def _is_count(value: object, least: int = 0) -> bool:
    # `True` is an integer in Python. A failed check of `least` is that of another field.
    return type(value) is int and (type(least) is not int or value >= least)


def _decode(name: str, text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"The counts of {name} are {type(text).__name__}, not text.")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"The counts of {name} are not base64: {error}.") from error
