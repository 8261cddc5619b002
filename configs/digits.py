"""Handwritten digits: ten classes, one per image."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings of `dist-f1 train`; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digits"  # digits | breast_cancer | digit_pairs | configs/own_data.py
    config.model = "cnn"  # cnn | mlp
    config.validation_fraction = 0.2
    config.threshold = 0.0  # of each class on its own; 0: the best class
    config.average = "macro"  # of the F1 that is shown

    config.strategy = "auto"  # auto | none | one_device | mirrored | multi_worker | ...
    config.replicas = 4  # logical CPU devices, where there is no GPU

    config.epochs = 20
    config.batch_size = 64  # over all replicas
    config.learning_rate = 0.01
    config.dtype = "float64"  # float32 | float64: with the latter, any number of replicas agrees
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100  # steps; and after each epoch
    config.log_every = 10  # steps from one F1 in the progress bar to the next
    config.tensorboard = False
    return config
