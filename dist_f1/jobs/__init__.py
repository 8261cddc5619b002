"""Commands: training with an exact global F1, and reports of what they left behind."""
