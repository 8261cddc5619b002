"""The command `dist-f1`: one module a subcommand."""
