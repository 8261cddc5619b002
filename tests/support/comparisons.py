"""Comparisons of counts and predictions."""

import numpy as np
import tensorflow as tf


def same(left, right):
    """Assert that two nests of arrays have the same structure and the same values."""
    tf.nest.assert_same_structure(left, right)
    for a, b in zip(tf.nest.flatten(left), tf.nest.flatten(right), strict=True):
        np.testing.assert_array_equal(a, b)


def same_predictions(left, right):
    """Assert that two dicts of predictions hold the same labels, decisions and probabilities.

    A model computes probabilities in another order for another number of replicas.
    """
    left, right = dict(left), dict(right)
    np.testing.assert_allclose(left.pop("probability"), right.pop("probability"), rtol=1e-9)
    same(left, right)


def only_valid(counts):
    """Return NumPy counts as if there had been no rows that cannot be counted."""
    return counts._replace(
        invalid=counts.invalid * 0, invalid_by_cause=np.asarray(counts.invalid_by_cause) * 0
    )
