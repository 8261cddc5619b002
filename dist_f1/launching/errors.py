"""User errors: one message, without a traceback, and no restart."""


class UserError(ValueError):
    """Invalid settings, data, model, directory or environment."""


class UsageError(UserError):
    """An invalid command line. The process exits with code 2."""
