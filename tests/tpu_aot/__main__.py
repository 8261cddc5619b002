"""The command `python -m tpu_aot`, in an environment with libtpu; `make tpu-aot` creates one.

Exit codes: 0 if all checks pass, 1 if not, 77 (SKIPPED) if the compiler is unavailable.
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

_PROGRAMS = flags.DEFINE_string("programs", "", "Regular expression for the names of the programs.")
_TOPOLOGIES = flags.DEFINE_list("topologies", list(TOPOLOGIES), "Topologies to compile for.")
_JSON = flags.DEFINE_string("json", None, "File to write all rows to, one per line.")

SKIPPED = 77


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    if len(argv) > 1:
        sys.exit(f"tpu_aot: unexpected argument {argv[1]!r}; pass flags, which begin with --.")
    sys.exit(_main(_PROGRAMS.value, _TOPOLOGIES.value, _JSON.value))


def _main(pattern: str, topologies: Sequence[str], json: str | None) -> int:
    try:
        versions = environment.versions()
        isolated = environment.without_network()
        environment.check_libtpu(isolated)
    except environment.CompilerUnavailableError as reason:
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
    """Compile all programs, print the tables, and return the exit code."""
    start, found = time.monotonic(), []
    try:
        programs = running.lowered(run, folder, pattern)
    except running.LoweringError as error:
        print(f"tpu_aot: no program was lowered: {error}", file=sys.stderr)
        return 1
    for row in running.rows(run, folder, programs, topologies):
        write(row)
        found.append(row)
    print(tables.markdown(found), end="")
    comparison, is_equal = running.compare_ops(run, folder)
    print(comparison)
    print(f"{time.monotonic() - start:.0f} s.")
    return 1 if rows.problems(found) or not is_equal else 0


def _writer(path: str | None) -> Callable[[rows.Row], None]:
    if path is None:
        return lambda row: None
    output = pathlib.Path(path)
    output.write_text("")

    def write(row: rows.Row) -> None:
        with output.open("a") as file:
            file.write(rows.to_json(row) + "\n")

    return write


if __name__ == "__main__":
    app.run(main)
