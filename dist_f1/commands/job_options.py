"""Options of every command that starts workers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypedDict

import click


class Seconds(click.FloatRange):
    """A number of seconds; NaN and more than 30 days are usage errors."""

    def __init__(self) -> None:
        super().__init__(0.0, 30 * 86400.0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert to a float."""
        seconds = super().convert(value, param, ctx)
        if seconds != seconds:
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


class JobOptions(TypedDict):
    """The values of these options, as `supervisor.Job` takes them."""

    cpu_devices: int
    first_port: int
    join_timeout: float
    grace_seconds: float


_OPTIONS = (
    click.option(
        "--cpu_devices",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        help="Logical CPU devices of each worker without a GPU.",
    ),
    click.option(
        "--port",
        "first_port",
        type=click.IntRange(0, 65535),
        default=0,
        show_default=True,
        help="First of the workers' ports; 0 uses free ports.",
    ),
    click.option(
        "--join_timeout",
        type=Seconds(),
        default=300.0,
        show_default=True,
        help="Seconds a worker may take to join the cluster after the first worker has joined.",
    ),
    click.option("--start_timeout", type=Seconds(), hidden=True),
    click.option(
        "--grace_seconds",
        type=Seconds(),
        default=8.0,
        show_default=True,
        help="Seconds between SIGTERM and SIGKILL for a worker.",
    ),
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with these options."""

    @functools.wraps(command)
    def with_new_names(*args: Any, start_timeout: float | None, **options: Any) -> Any:
        if start_timeout is not None:
            click.echo("Warning: --start_timeout is deprecated. Use --join_timeout.", err=True)
            options["join_timeout"] = start_timeout
        return command(*args, **options)

    decorated: Callable[..., Any] = with_new_names
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
