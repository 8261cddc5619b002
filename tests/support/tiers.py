"""Parameters that belong to the slow tier."""

import pytest


def slow(*values):
    """Return a parameter that runs in `make test-all` only."""
    return pytest.param(*values, marks=pytest.mark.slow)


def slow_except(values, *fast):
    """Mark all values slow, except some."""
    return [value if value in fast else slow(value) for value in values]
