"""Breast cancer: malignant or not, the malignant being the fewer; one score, one threshold."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings of `dist-f1 train`; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "breast_cancer"
    config.model = "mlp"
    config.validation_fraction = 0.3
    config.threshold = 0.5  # of the probability that a tumour is malignant
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
