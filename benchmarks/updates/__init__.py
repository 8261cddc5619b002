"""The suite `update`: batches, metrics and other libraries."""
