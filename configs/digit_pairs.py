"""Two handwritten digits side by side: which of the ten occur in the image (multilabel)."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings of `dist-f1 train`; override them with `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digit_pairs"
    config.model = "cnn"
    config.validation_fraction = 0.2
    config.threshold = 0.5  # for the probability of each digit
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
