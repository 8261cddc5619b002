"""The full benchmarks of `python -m benchmarks`, as in docs/benchmarks.md."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings; `--config.KEY=VALUE` overrides one."""
    config = ml_collections.ConfigDict()
    config.suites = ("update", "per_step", "collectives", "read", "checkpoint", "scaling")
    config.replicas = 8  # maximum number of GPUs, or of logical CPU devices without a GPU
    config.seed = 0

    # The suite `update`. A ConfigDict has a method of that name.
    config.updates = ml_collections.ConfigDict()
    config.updates.sizes = (  # (rows, classes), or more axes before the classes
        (128, 100),
        (524288, 2),
        (65536, 10),
        (524288, 10),
        (2, 512, 512, 19),
        (65536, 100),
        (16384, 1000),
        (2048, 10000),
        (1024, 50000),
        (256, 1000000),
    )
    # Sizes with other inputs: one-hot targets, scores in bfloat16, sample weights, a threshold with
    # class ids as targets, and a threshold with 0/1 targets.
    config.updates.one_hot = (
        (128, 100),
        (65536, 10),
        (2, 512, 512, 19),
        (65536, 100),
        (16384, 1000),
        (1024, 50000),
    )
    config.updates.bfloat16 = ((65536, 100), (524288, 19))
    config.updates.weighted = ((65536, 100), (16384, 1000))
    config.updates.thresholds = ((65536, 10), (65536, 100), (16384, 1000))
    config.updates.multilabel = ((65536, 10), (65536, 100), (16384, 1000))
    # Streams of batches, the largest first, each with one row less than the one before.
    config.updates.streams = (  # (task, rows, classes)
        ("argmax", 65536, 10),
        ("argmax", 65536, 100),
        ("argmax", 16384, 1000),
        ("one-hot", 65536, 10),
        ("one-hot", 65536, 100),
        ("indicators", 65536, 10),
        ("indicators", 65536, 100),
    )
    config.updates.stream_batches = 1000
    config.updates.row_numbers = ("known", "open")  # while tracing
    config.updates.steps = 200
    config.updates.budget_seconds = 0.0  # limit for the rounds of a size; 0: no limit
    config.updates.peers = True  # other libraries, if installed
    config.updates.peer_limit_seconds = 1.0  # slower peers are not timed
    config.updates.peer_limit_mb = 2048.0  # limit of their memory, besides the scores

    config.per_step = ml_collections.ConfigDict()
    config.per_step.models = ("mlp", "cnn", "tagger", "segmenter")
    config.per_step.variants = (
        "none",
        "F1Score",
        "F1Score, read in the step",
        "F1Score, read after the step",
        "Scores",
        "keras F1Score",
        "keras F1Score, Precision, Recall",
        "strategy.reduce",
        "scikit-learn",
    )
    config.per_step.replicas = (1, 2, 4, 8)  # in one process, up to config.replicas
    config.per_step.workers = (2, 3)  # processes with one replica each
    config.per_step.steps = 200
    config.per_step.budget_seconds = 0.0
    # Keras's own loops, with a model that returns its inputs; tasks as in `updates/batches.py`.
    config.per_step.loops = ("evaluate", "fit")
    config.per_step.loop_tasks = ("argmax", "one-hot", "indicators")
    config.per_step.loop_sizes = ((128, 100), (65536, 10), (65536, 100), (16384, 1000))
    config.per_step.loop_steps = 20  # calls of ten steps each
    config.per_step.batch_factor = 1  # factor of all batch sizes; larger ones suit GPUs

    config.collectives = ml_collections.ConfigDict()
    config.collectives.replicas = (1, 2, 4, 8)
    config.collectives.classes = (2, 10, 100, 1000)

    config.read = ml_collections.ConfigDict()
    config.read.replicas = (1, 2, 4, 8)
    config.read.classes = (2, 10, 100, 1000, 100000)
    config.read.scores = (1, 8)  # numbers of scores that are derived from one read
    config.read.steps = 200
    config.read.budget_seconds = 0.0

    config.checkpoint = ml_collections.ConfigDict()
    config.checkpoint.replicas = (1, 2, 4, 8)
    config.checkpoint.classes = (10, 1000, 100000)
    config.checkpoint.steps = 200
    config.checkpoint.budget_seconds = 0.0

    config.scaling = ml_collections.ConfigDict()
    config.scaling.replicas = (1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16384)
    config.scaling.classes = (10, 100, 1000, 100000)
    config.scaling.measured = ""  # results.jsonl of another run; "": this run
    return config
