"""Small benchmarks: every suite runs, in under three minutes on two cores."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings, as in `configs/benchmarks.py`."""
    config = ml_collections.ConfigDict()
    config.suites = ("update", "per_step", "collectives", "read", "checkpoint", "scaling")
    config.replicas = 4
    config.seed = 0

    config.updates = ml_collections.ConfigDict()
    config.updates.sizes = ((4096, 10), (1024, 100))
    config.updates.one_hot = ((1024, 100),)
    config.updates.bfloat16 = ((1024, 100),)
    config.updates.weighted = ((1024, 100),)
    config.updates.thresholds = ((1024, 10),)
    config.updates.multilabel = ((1024, 10),)
    config.updates.streams = (("argmax", 16384, 10),)
    config.updates.stream_batches = 10
    config.updates.row_numbers = ("known", "open")
    config.updates.steps = 20
    config.updates.budget_seconds = 10.0
    config.updates.peers = True
    config.updates.peer_limit_seconds = 1.0
    config.updates.peer_limit_mb = 256.0

    config.per_step = ml_collections.ConfigDict()
    config.per_step.models = ("mlp",)
    config.per_step.variants = (
        "none",
        "F1Score",
        "F1Score, read in the step",
        "Scores",
        "keras F1Score",
    )
    config.per_step.replicas = (2,)
    config.per_step.workers = (2,)
    config.per_step.steps = 20
    config.per_step.budget_seconds = 10.0
    config.per_step.loops = ("evaluate", "fit")
    config.per_step.loop_tasks = ("argmax", "indicators")
    config.per_step.loop_sizes = ((1024, 10),)
    config.per_step.loop_steps = 20
    config.per_step.batch_factor = 1

    config.collectives = ml_collections.ConfigDict()
    config.collectives.replicas = (1, 2, 4)
    config.collectives.classes = (2, 1000)

    config.read = ml_collections.ConfigDict()
    config.read.replicas = (2, 4)
    config.read.classes = (2, 10, 1000)
    config.read.scores = (1, 8)
    config.read.steps = 20
    config.read.budget_seconds = 10.0

    config.checkpoint = ml_collections.ConfigDict()
    config.checkpoint.replicas = (2,)
    config.checkpoint.classes = (10, 1000)
    config.checkpoint.steps = 20
    config.checkpoint.budget_seconds = 10.0

    config.scaling = ml_collections.ConfigDict()
    config.scaling.replicas = (2, 8, 1024, 16384)
    config.scaling.classes = (10, 1000)
    config.scaling.measured = ""
    return config
