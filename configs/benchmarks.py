"""What `python -m benchmarks` measures, in full: for the numbers that are published."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.suites = ("update", "per_step", "collectives", "read", "checkpoint", "scaling")
    config.replicas = 8  # at most: GPUs, or logical CPU devices where there is none
    config.seed = 0

    # Of the suite `update`; that name is a method of a ConfigDict.
    config.updates = ml_collections.ConfigDict()
    config.updates.sizes = (  # (rows, classes), or with more axes in front of the classes
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
    # Other inputs, of these sizes: scores in bfloat16, sample weights, a threshold of each class
    # with ids for targets, and with 0/1 targets.
    config.updates.bfloat16 = ((65536, 100), (524288, 19))
    config.updates.weighted = ((65536, 100), (16384, 1000))
    config.updates.thresholds = ((65536, 10), (65536, 100), (16384, 1000))
    config.updates.multilabel = ((65536, 10), (65536, 100), (16384, 1000))
    config.updates.steps = 200
    config.updates.budget_seconds = 0.0  # most for the rounds of a size; 0: all, however long
    config.updates.peers = True  # those that are installed
    config.updates.peer_limit_seconds = 1.0  # peers whose update takes longer are not timed,
    config.updates.peer_limit_mb = 2048.0  # nor those which need more memory beside the scores

    config.per_step = ml_collections.ConfigDict()
    config.per_step.models = ("mlp", "cnn", "tagger", "segmenter")
    config.per_step.variants = (
        "none",
        "F1Score",
        "F1Score, read in the step",
        "Scores",
        "keras F1Score",
        "keras F1Score, Precision, Recall",
        "strategy.reduce",
        "scikit-learn",
    )
    config.per_step.replicas = (1, 2, 4, 8)  # of one process, up to config.replicas
    config.per_step.workers = (2, 3)  # processes, of one replica each
    config.per_step.steps = 200
    config.per_step.budget_seconds = 0.0
    config.per_step.batch_factor = 1  # multiplies the batches of all models; more fits GPUs

    config.collectives = ml_collections.ConfigDict()
    config.collectives.replicas = (1, 2, 4, 8)
    config.collectives.classes = (2, 10, 100, 1000)

    config.read = ml_collections.ConfigDict()
    config.read.replicas = (1, 2, 4, 8)
    config.read.classes = (2, 10, 100, 1000, 100000)
    config.read.scores = (1, 8)  # how many are derived from one read
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
    config.scaling.measured = ""  # results.jsonl of another run to extrapolate; "": of this one
    return config
