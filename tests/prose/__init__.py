"""Checks the wording of the documentation, docstrings, comments and messages."""
