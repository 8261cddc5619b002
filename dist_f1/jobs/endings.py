"""How a training loop ends before its last step."""

from dist_f1.launching.errors import UserError


class DivergedError(UserError):
    """The model returns NaN or infinite logits."""


class MiscountedError(RuntimeError):
    """The number of counted rows differs from the number of rows read."""


class Stopped(Exception):
    """The loop stopped on request and saved a checkpoint."""
