"""Your own data, from a function or from files; lists all settings."""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Return the settings of `dist-f1 train`; override them with `--config.KEY=VALUE`."""
    config = ml_collections.ConfigDict()
    # module:function in the current directory or installed, npz:PATH, or tfrecord:GLOB.
    config.dataset = "configs.own_functions:rows"
    config.task = "multiclass"  # multiclass | binary | multilabel
    config.num_classes = 3  # 0: the number of class_names or, with npz:, of training ids
    config.class_names = ("first", "second", "third")  # (): the class ids
    config.shuffle_buffer = 10000  # rows; 0: no shuffling. npz: shuffles all rows
    config.validation_fraction = 0.2  # for npz: files with only x and y

    # Only for tfrecord:
    config.validation_dataset = ""  # tfrecord:GLOB of other files
    config.feature_key = "x"  # key of the features in a tf.train.Example
    config.feature_type = "float32"  # float32 | int64 lists, or uint8: raw bytes
    config.feature_shape = ()  # of one row, e.g. (8, 8, 1)
    config.feature_scale = 1.0  # factor for features, e.g. 1 / 255
    config.label_key = "y"  # key of the target: one int64, or for multilabel 0/1 for each class

    config.model = "configs.own_functions:model"  # cnn | mlp | module:function
    config.threshold = 0.0  # for each class separately, e.g. 0.5; 0, for multiclass: argmax
    config.average = "macro"  # for the F1 that is shown

    config.strategy = "auto"  # auto | none | one_device | mirrored | multi_worker | ...
    config.replicas = 4  # number of logical CPU devices without a GPU

    config.epochs = 10
    config.batch_size = 25  # rows, over all replicas
    config.learning_rate = 0.01
    config.dtype = "float64"  # float32 | float64: exact for any number of replicas
    config.seed = 0
    config.save_predictions = False
    config.checkpoint_every = 100  # steps; also after each epoch
    config.log_every = 10  # steps between updates of the F1 in the progress bar
    config.tensorboard = False
    return config
