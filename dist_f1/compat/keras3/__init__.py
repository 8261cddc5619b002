"""Repairs of Keras 3 for training on several workers.

    import dist_f1.compat.keras3

    dist_f1.compat.keras3.repair_fit()

See docs/keras_fit.md for what is repaired.
"""

from dist_f1.compat.keras3.repair import repair_fit as repair_fit
