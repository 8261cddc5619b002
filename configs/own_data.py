"""Data of one's own, from a function or from files, with every setting there is."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """The settings of `dist-f1 train`; each can be overridden as `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    # A function of a module in this directory, or installed; npz:PATH; or tfrecord:GLOB.
    config.dataset = "configs.own_functions:rows"
    config.task = "multiclass"  # multiclass | binary | multilabel
    config.num_classes = 3  # 0: as many as class_names or, with npz:, the training rows have
    config.class_names = ("first", "second", "third")  # (): by their numbers
    config.shuffle_buffer = 10000  # rows that are mixed in training; 0: none. npz: mixes all
    config.validation_fraction = 0.2  # with npz:, if the file holds just x and y

    config.validation_dataset = ""  # with tfrecord: only, as are all of these; other files
    config.feature = "x"  # the name of the features in a tf.train.Example
    config.feature_type = "float32"  # float32 | int64: lists of them | uint8: raw bytes
    config.feature_shape = ()  # of one row, (8, 8, 1) say
    config.feature_scale = 1.0  # what features are multiplied by, 1 / 255 say
    config.label = "y"  # the name of the target: an int64, or for multilabel one 0 or 1 a class

    config.model = "configs.own_functions:model"  # cnn | mlp | module:function
    config.threshold = 0.0  # of each class on its own, 0.5 say; 0, for multiclass: the best class
    config.average = "macro"  # of the F1 that is shown

    config.strategy = "auto"  # auto | none | one_device | mirrored | multi_worker | ...
    config.replicas = 4  # logical CPU devices, where there is no GPU

    config.epochs = 10
    config.batch_size = 25  # over all replicas
    config.learning_rate = 0.01
    config.dtype = "float64"  # float32 | float64: with the latter, any number of replicas agrees
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100  # steps; and after each epoch
    config.log_every = 10  # steps from one F1 in the progress bar to the next
    config.tensorboard = False
    return config
