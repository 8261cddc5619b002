"""Handwritten digits on all cores of a TPU."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings of `dist-f1 train`; override them with `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digits"
    config.model = "cnn"
    config.validation_fraction = 0.2
    config.threshold = 0.0
    config.average = "macro"

    config.strategy = "tpu"  # the TPU of this host, or of TPU_NAME
    config.replicas = 8  # ignored: the strategy uses all cores

    config.epochs = 20
    config.batch_size = 256  # rows, over all cores, divided equally
    config.learning_rate = 0.01
    config.dtype = "float32"  # a TPU emulates float64 in software
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100
    config.log_every = 10
    config.tensorboard = False
    return config
