"""Breast cancer: binary, with the rarer class malignant as the positive one."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings of `dist-f1 train`; override them with `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "breast_cancer"
    config.model = "mlp"
    config.validation_fraction = 0.3
    config.threshold = 0.5  # for the probability that a tumour is malignant
    config.average = "binary"

    config.strategy = "auto"
    config.replicas = 4

    config.epochs = 10
    config.batch_size = 64
    config.learning_rate = 0.003
    config.dtype = "float64"
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100
    config.log_every = 10
    config.tensorboard = False
    return config
