"""Training jobs with an exact global F1, and the run directories they write."""
