"""The suite `per_step`: the cost of a metric in a training step."""
