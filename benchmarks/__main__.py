"""The command `python -m benchmarks`, to be run in the root of a checkout."""

from __future__ import annotations

import contextlib
import datetime
import os
import pathlib
import re
import sys
from collections.abc import Sequence
from importlib import util
from typing import TYPE_CHECKING

# TensorFlow's start-up messages would hide the output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from benchmarks import config_check, regressions, tables
from benchmarks.records import Record, RecordError, load_records
from benchmarks.suites import SUITES
from dist_f1.commands.exits import ends_cleanly

if TYPE_CHECKING:
    from benchmarks import runner

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    f"Settings: a file with get_config(), by default {config_check.FULL}.",
    lock_config=True,
)
_SUITES = flags.DEFINE_multi_string(
    "suite", [], f"Suite to run; may be repeated. One of {', '.join(SUITES)}."
)
_OUT = flags.DEFINE_string("out", None, "New directory, by default runs/benchmarks-DATE.")
_COMPARE = flags.DEFINE_string(
    "compare", None, "The results.jsonl of an older run, to report regressions."
)
_WITH = flags.DEFINE_string(
    "with", None, "With --compare: the results.jsonl to compare; no suite is run."
)


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    try:
        if len(argv) > 1:
            raise config_check.ConfigError(f"unexpected argument {argv[1]!r}; flags start with --.")
        if _WITH.value and not _COMPARE.value:
            raise config_check.ConfigError("--with needs --compare=OLD.jsonl.")
        old = load_records(_COMPARE.value)[1] if _COMPARE.value else None
        if old is not None and _WITH.value:
            new = load_records(_WITH.value)[1]
            print(regressions.markdown(regressions.compare(old, new)))
            return
        outcome = _run(config_check.resolve(_CONFIG.value, _SUITES.value), _out(), old)
    except (config_check.ConfigError, RecordError) as error:
        sys.exit(f"benchmarks: {error}")
    for problem in outcome.problems:
        print(f"benchmarks: {problem}", file=sys.stderr)
    sys.exit(outcome.exit_code)


def _run(
    config: ml_collections.ConfigDict, out: pathlib.Path, old: list[Record] | None
) -> runner.Outcome:
    """Run the suites, write tables and charts, and return the outcome."""
    missing = [x for x in ("sklearn", "scipy", "tqdm", "matplotlib") if not util.find_spec(x)]
    if missing:
        raise config_check.ConfigError(
            f"{', '.join(missing)} is not installed; pip install '.[bench]'."
        )
    # TensorFlow takes seconds to import, so flags are checked first.
    from benchmarks import charts, runner
    from benchmarks.progress import Progress

    logging.set_verbosity(logging.ERROR)
    with contextlib.closing(Progress()) as progress:
        outcome = runner.run(config, out, progress)
    page = tables.markdown(outcome.header, outcome.records)
    if old is not None:
        page += "\n" + regressions.markdown(regressions.compare(old, outcome.records))
    print(page)
    (out / "results.md").write_text(page, "utf-8")
    files = [out / runner.RESULTS, out / "results.md", *charts.draw(outcome.records, out)]
    print("\n".join(map(str, files)))
    return outcome


def _out() -> pathlib.Path:
    date = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    out = pathlib.Path(_OUT.value or f"runs/benchmarks-{date}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise config_check.ConfigError(f"--out={out} exists already; choose a new directory.")
    return out


def _parse(args: list[str]) -> list[str]:
    """Parse flags; report a mistake in one line."""
    try:
        config_check.check_names(re.findall(r"(?m)^--?config\.([\w.]+)", "\n".join(args)))
        if not any(re.match(r"--?config(=|$)", arg) for arg in args):
            # A default value of the flag would be loaded when this module is imported.
            args = [args[0], f"--config={config_check.FULL}", *args[1:]]
        return flags.FLAGS(args)
    except AttributeError as error:
        if "get_config" not in str(error):
            raise
        problem = "the file of --config has no get_config()."
    except (flags.Error, config_check.ConfigError, SyntaxError, ImportError, TypeError) as error:
        problem = str(error)
    sys.exit(f"benchmarks: {problem}")


if __name__ == "__main__":
    with ends_cleanly("benchmarks"):
        app.run(main, flags_parser=_parse)
