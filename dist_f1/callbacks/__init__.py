"""Keras callbacks: scores of a dataset after each epoch, reports, and experiment trackers.

    model.fit(x, y, epochs=10, callbacks=[EvaluateScores((x_val, y_val), ["f1_macro"])])

The callbacks work in Keras 3 and tf-keras. With several workers, pass the same callbacks on each
worker: all of them read the metrics, and the chief prints and writes.
"""

from dist_f1.callbacks.evaluate_scores import EvaluateScores as EvaluateScores
from dist_f1.callbacks.score_report import ScoreReport as ScoreReport
from dist_f1.callbacks.trackers import MLflowScores as MLflowScores
from dist_f1.callbacks.trackers import TensorBoardScores as TensorBoardScores
from dist_f1.callbacks.trackers import WandbScores as WandbScores
