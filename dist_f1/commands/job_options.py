"""Options of every command that starts workers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

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
    """The values of the options that `launching.job.Job` takes."""

    cpu_devices: int
    first_port: int
    join_timeout: float
    stall_timeout: float
    grace_seconds: float


class HostOptions(NamedTuple):
    """The values of the options for several hosts."""

    hosts: str
    host_index: int | None
    min_hosts: int | None
    start_timeout: float
    host_timeout: float


_START_TIMEOUT, _HOST_TIMEOUT = 300.0, 30.0


def job_options(stall_timeout: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with these options; `stall_timeout` is the default of that option.

    The command gets the values of `JobOptions` by name, and `hosts`: `HostOptions`, or `None`
    without `--hosts`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_hosts(
            *args: Any,
            hosts: str | None,
            host_index: int | None,
            min_hosts: int | None,
            start_timeout: float | None,
            host_timeout: float | None,
            **options: Any,
        ) -> Any:
            if hosts is not None:
                found = HostOptions(
                    hosts,
                    host_index,
                    min_hosts,
                    _START_TIMEOUT if start_timeout is None else start_timeout,
                    _HOST_TIMEOUT if host_timeout is None else host_timeout,
                )
                return command(*args, hosts=found, **options)
            given = {
                "--host_index": host_index,
                "--min_hosts": min_hosts,
                "--host_timeout": host_timeout,
            }
            for name, value in given.items():
                if value is not None:
                    raise click.UsageError(f"{name} needs --hosts. Name all hosts of the job.")
            if start_timeout is not None:
                click.echo(
                    "Warning: --start_timeout without --hosts is deprecated. Use --join_timeout.",
                    err=True,
                )
                options["join_timeout"] = start_timeout
            return command(*args, hosts=None, **options)

        decorated: Callable[..., Any] = with_hosts
        for option in reversed(_options(stall_timeout)):
            decorated = option(decorated)
        return decorated

    return decorate


def _options(stall_timeout: float) -> tuple[Callable[..., Any], ...]:
    seconds = Seconds()
    return (
        click.option(
            "--cpu_devices",
            type=click.IntRange(1, 1024),
            default=1,
            show_default=True,
            help="Logical CPU devices of each worker without a GPU.",
        ),
        click.option(
            "--hosts",
            metavar="A,B,...|FILE",
            help="Hosts of the job, or a file with one on each line. Run the command on each host.",
        ),
        click.option(
            "--host_index",
            type=click.IntRange(0),
            help="Position of this host in --hosts, from 0.  [default: the host with an address of "
            "this machine]",
        ),
        click.option(
            "--min_hosts",
            type=click.IntRange(1),
            help="Continue without lost hosts while this many are left.  [default: all]",
        ),
        click.option(
            "--port",
            "first_port",
            type=click.IntRange(0, 65535),
            default=0,
            help="First of the ports of a host: with --hosts one for the launcher, then one for "
            "each worker.  [default: free ports; with --hosts, 12300]",
        ),
        click.option(
            "--start_timeout",
            type=seconds,
            help=f"Seconds the hosts wait for each other before a start.  [default: "
            f"{_START_TIMEOUT:g}]",
        ),
        click.option(
            "--host_timeout",
            type=seconds,
            help=f"Seconds without an answer after which a host is lost.  [default: "
            f"{_HOST_TIMEOUT:g}]",
        ),
        click.option(
            "--join_timeout",
            type=seconds,
            default=300.0,
            show_default=True,
            help="Seconds a worker may take to join the cluster after the first worker has joined.",
        ),
        click.option(
            "--stall_timeout",
            type=seconds,
            default=stall_timeout,
            show_default=True,
            help="Seconds a worker may make no progress; 0 for no limit.",
        ),
        click.option(
            "--grace_seconds",
            type=seconds,
            default=8.0,
            show_default=True,
            help="Seconds between SIGTERM and SIGKILL for a worker.",
        ),
    )
