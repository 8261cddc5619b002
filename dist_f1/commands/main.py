"""The command `dist-f1`."""

from __future__ import annotations

import difflib
import importlib

import click

from dist_f1.commands.exits import ends_cleanly
from dist_f1.version import __version__

# A command's module is imported when the command runs, so that help and errors come at once.
_COMMANDS = {
    "train": "Train a classifier and report its exact F1 over all replicas.",
    "launch": "Run a script or a module in several worker processes.",
    "report": "Print or compare the reports of runs and of files of counts.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"dist_f1.commands.{cmd_name}").main
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        similar = difflib.get_close_matches(args[0], _COMMANDS, 1)
        if args[0] not in _COMMANDS and similar and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {similar[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="'dist-f1 COMMAND --help' lists the options of a command.",
    invoke_without_command=True,
)
@click.version_option(__version__)
@click.pass_context
def _commands(ctx: click.Context) -> None:
    """Exact F1 and related scores for distributed TensorFlow."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run() -> None:
    """Run `dist-f1 COMMAND ...` with the arguments of this process."""
    with ends_cleanly("dist-f1"):
        _commands(prog_name="dist-f1")


if __name__ == "__main__":
    run()
