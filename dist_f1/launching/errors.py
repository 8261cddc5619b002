"""What a user can mend: shown as one message, without a traceback, and not tried again."""

from __future__ import annotations


class UserError(ValueError):
    """Settings, data, a model or a directory that are not as they must be."""
