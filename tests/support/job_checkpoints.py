"""The checkpoints of a training job."""


def latest(checkpoints, log=print):
    """Return the last intact checkpoint; remove damaged ones after it, as a resumed job does."""
    path = next(checkpoints.intact(log))
    checkpoints.remove_after(path)
    return path
