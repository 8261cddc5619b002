"""Callbacks that write to experiment trackers: pure contents, and a thin shell for each tracker.

    model.fit(..., callbacks=[TensorBoardScores("logs")])

`contents` computes what is written; `tracker` decides when; the other modules write.
"""

from dist_f1.callbacks.trackers.mlflow_scores import MLflowScores as MLflowScores
from dist_f1.callbacks.trackers.tensorboard_scores import TensorBoardScores as TensorBoardScores
from dist_f1.callbacks.trackers.wandb_scores import WandbScores as WandbScores
