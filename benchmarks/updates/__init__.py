"""What the suite `update` times: batches, metrics, and what they must have counted."""
