"""Handwritten digits: one of ten classes for each image."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings of `dist-f1 train`; override them with `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    config.dataset = "digits"  # digits | breast_cancer | digit_pairs | see configs/own_data.py
    config.model = "cnn"  # cnn | mlp
    config.validation_fraction = 0.2
    config.threshold = 0.0  # for each class separately; 0: argmax
    config.average = "macro"  # for the F1 that is shown

    config.strategy = "auto"  # auto | none | one_device | mirrored | multi_worker | ...
    config.replicas = 4  # number of logical CPU devices without a GPU

    config.epochs = 20
    config.batch_size = 64  # rows, over all replicas
    config.learning_rate = 0.01
    config.dtype = "float64"  # float32 | float64: exact for any number of replicas
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100  # steps; also after each epoch
    config.log_every = 10  # steps between updates of the F1 in the progress bar
    config.tensorboard = False
    return config
