"""The command `dist-f1`, with one module for each subcommand."""
