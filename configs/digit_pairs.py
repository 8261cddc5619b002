"""Two handwritten digits side by side: which of the ten are in the picture (multilabel)."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings of `dist-f1 train`; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digit_pairs"
    config.model = "cnn"
    config.validation_fraction = 0.2
    config.threshold = 0.5  # of each digit's own probability
    config.average = "samples"

    config.strategy = "auto"
    config.replicas = 4

    config.epochs = 15
    config.batch_size = 128
    config.learning_rate = 0.01
    config.dtype = "float64"
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100
    config.log_every = 10
    config.tensorboard = False
    return config
