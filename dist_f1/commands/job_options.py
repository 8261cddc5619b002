"""Options of every command that starts workers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypedDict

import click


class JobOptions(TypedDict):
    """The values of these options, as `supervisor.Job` takes them."""

    cpu_devices: int
    first_port: int
    join_timeout: float
    grace_seconds: float


_OPTIONS = (
    click.option(
        "--cpu_devices",
        type=click.IntRange(1),
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
        type=click.FloatRange(0.0),
        default=300.0,
        show_default=True,
        help="Seconds a worker may take to join the cluster after the first worker has joined.",
    ),
    click.option("--start_timeout", type=click.FloatRange(0.0), hidden=True),
    click.option(
        "--grace_seconds",
        type=click.FloatRange(0.0),
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
