"""What a metric adds to a training step: the parts of the suite `per_step`."""
