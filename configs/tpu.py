"""Handwritten digits on all cores of a TPU."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings of `dist-f1 train`; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digits"
    config.model = "cnn"
    config.validation_fraction = 0.2
    config.threshold = 0.0
    config.average = "macro"

    config.strategy = "tpu"  # the TPU of this host, or the one that TPU_NAME names
    config.replicas = 8  # as many as there are cores, whatever is said here

    config.epochs = 20
    config.batch_size = 256  # over all cores; each has the same number of rows in every step
    config.learning_rate = 0.01
    config.dtype = "float32"  # a TPU has no units for float64, and calculates it in pieces
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100
    config.log_every = 10
    config.tensorboard = False
    return config
