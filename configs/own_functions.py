"""Data and a model of one's own, for `configs/own_data.py`: copy this file and change it.

Here the data are wines: of which of three growers each is, by thirteen measurements.
"""

import tensorflow as tf
from sklearn import datasets


def rows(split: str) -> tf.data.Dataset:
    """The rows of a split, `"train"` or `"validation"`: features and class id, not batched.

    It is called anew for each pass, and by each worker, and must give the same rows in the same
    order each time. They are shuffled, batched and divided among replicas elsewhere.
    """
    x, y = datasets.load_wine(return_X_y=True)
    # The rows are sorted by grower. Every third of them is kept for validation.
    train, validation = [i for i in range(len(x)) if i % 3], range(0, len(x), 3)
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    chosen = list(train if split == "train" else validation)
    return tf.data.Dataset.from_tensor_slices((x[chosen].astype("float32"), y[chosen]))


def model(input_shape: tuple[int, ...], units: int) -> tf.keras.Model:
    """A Keras model from features of `input_shape` to `units` logits, not probabilities.

    Its layers are in `config.dtype` if they do not say otherwise.
    """
    return tf.keras.Sequential(
        [
            tf.keras.Input(input_shape),
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(units),
        ]
    )
