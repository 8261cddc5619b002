"""Your own data and model, for `configs/own_data.py`. Copy this file and change it.

The example predicts the grower of a wine, one of three, from thirteen measurements.
"""

import tensorflow as tf
from sklearn import datasets


def rows(split: str) -> tf.data.Dataset:
    """Return the rows of a split, `"train"` or `"validation"`: features and class id, unbatched.

    Each worker calls this function for each pass. It must return the same rows in the same order
    each time. dist_f1 shuffles, batches and shards them.
    """
    x, y = datasets.load_wine(return_X_y=True)
    # The rows are sorted by grower. Use every third row for validation.
    train, validation = [i for i in range(len(x)) if i % 3], range(0, len(x), 3)
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    selected = list(train if split == "train" else validation)
    return tf.data.Dataset.from_tensor_slices((x[selected].astype("float32"), y[selected]))


def model(input_shape: tuple[int, ...], units: int) -> tf.keras.Model:
    """Return a Keras model from features of `input_shape` to `units` logits, not probabilities.

    The default dtype of its layers is `config.dtype`.
    """
    return tf.keras.Sequential(
        [
            tf.keras.Input(input_shape),
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(units),
        ]
    )
