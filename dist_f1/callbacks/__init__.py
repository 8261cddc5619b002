"""Keras callbacks: scores of a data set after each epoch, and reports.

    model.fit(x, y, epochs=10, callbacks=[EvaluateScores((x_val, y_val), ["f1_macro"])])

They work in Keras 3 and in tf-keras. Where several workers run, each worker passes the same
callbacks: all of them read, and the chief prints and writes.
"""

from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.score_report import ScoreReport

__all__ = ["EvaluateScores", "ScoreReport"]
