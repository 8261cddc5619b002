"""The command `python -m tpu_aot`, in an environment that has libtpu; `make tpu-aot` makes one.

Exit codes: 0, all is as it must be; 1, it is not; 77, nothing could be compiled here, which is
said and is no success.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from absl import app, flags

from tpu_aot import environment, rows, running, tables
from tpu_aot.topologies import TOPOLOGIES

_PROGRAMS = flags.DEFINE_string("programs", "", "Only those with such names, a regular expression.")
_TOPOLOGIES = flags.DEFINE_list("topologies", list(TOPOLOGIES), "Those to compile for.")
_JSON = flags.DEFINE_string("json", None, "A file for all rows, one a line.")

SKIPPED = 77


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    if len(argv) > 1:
        sys.exit(f"tpu_aot: unexpected argument {argv[1]!r}; flags begin with --.")
    sys.exit(_main(_PROGRAMS.value, _TOPOLOGIES.value, _JSON.value))


def _main(pattern: str, topologies: Sequence[str], json: str | None) -> int:
    try:
        versions = environment.versions()
        isolated = environment.without_network()
        environment.check_libtpu(isolated)
    except environment.Unavailable as reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    run = running.runner(isolated, environment.variables())
    write = _writer(json)
    print(tables.header(versions), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        return check(run, pathlib.Path(folder), pattern, topologies, write)


def check(
    run: running.Run,
    folder: pathlib.Path,
    pattern: str,
    topologies: Sequence[str],
    write: Callable[[rows.Row], None],
) -> int:
    """Compiles all, prints it, and gives the exit code."""
    started, found = time.monotonic(), []
    try:
        programs = running.lowered(run, folder, pattern)
    except running.NothingLowered as error:
        print(f"tpu_aot: nothing was lowered: {error}", file=sys.stderr)
        return 1
    for row in running.rows(run, folder, programs, topologies):
        write(row)
        found.append(row)
    print(tables.markdown(found), end="")
    compared, same = running.ops(run, folder)
    print(compared)
    print(f"{time.monotonic() - started:.0f} s.")
    return 1 if rows.problems(found) or not same else 0


def _writer(path: str | None) -> Callable[[rows.Row], None]:
    if path is None:
        return lambda row: None
    made = pathlib.Path(path)
    made.write_text("")

    def write(row: rows.Row) -> None:
        with made.open("a") as file:
            file.write(rows.to_json(row) + "\n")

    return write


if __name__ == "__main__":
    app.run(main)
