"""The command `python -m benchmarks`, from the root of a checkout."""

from __future__ import annotations

import datetime
import os
import pathlib
import re
import sys
from collections.abc import Sequence
from importlib import util

# What TensorFlow says when it starts hides what matters.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from benchmarks import progress, records, regressions, settings, tables
from benchmarks.suites import SUITES

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    f"What to measure: a file with get_config(), {settings.FULL} by default.",
    lock_config=True,
)
_SUITES = flags.DEFINE_multi_string(
    "suite", [], f"Only this one; may be repeated. One of {', '.join(SUITES)}."
)
_OUT = flags.DEFINE_string("out", None, "A new directory, runs/benchmarks-DATE by default.")
_COMPARE = flags.DEFINE_string(
    "compare", None, "The results.jsonl of an older run, to show what became worse since."
)
_WITH = flags.DEFINE_string(
    "with", None, "With --compare: the results.jsonl to compare; nothing is run then."
)


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    try:
        if len(argv) > 1:
            raise settings.SettingsError(f"unexpected argument {argv[1]!r}; flags begin with --.")
        if _WITH.value and not _COMPARE.value:
            raise settings.SettingsError("--with needs --compare=OLD.jsonl, to compare it with.")
        old = records.read(_COMPARE.value)[1] if _COMPARE.value else None
        if old is not None and _WITH.value:
            print(regressions.markdown(regressions.compare(old, records.read(_WITH.value)[1])))
            return
        problems = _run(settings.resolve(_CONFIG.value, _SUITES.value), _out(), old)
    except (settings.SettingsError, records.RecordError) as error:
        sys.exit(f"benchmarks: {error}")
    for problem in problems:
        print(f"benchmarks: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


def _run(
    config: ml_collections.ConfigDict, out: pathlib.Path, old: list[records.Row] | None
) -> list[str]:
    absent = [name for name in ("sklearn", "tqdm", "matplotlib") if not util.find_spec(name)]
    if absent:
        raise settings.SettingsError(
            f"{', '.join(absent)} is not installed; pip install '.[train]'."
        )
    # TensorFlow takes seconds to import, which a mistake in the flags need not wait for.
    from benchmarks import plots, running

    logging.set_verbosity(logging.ERROR)
    with progress.Progress() as shown:
        outcome = running.run(config, out, shown)
    page = tables.markdown(outcome.header, outcome.rows)
    if old is not None:
        page += "\n" + regressions.markdown(regressions.compare(old, outcome.rows))
    print(page)
    files = [out / running.RESULTS, out / "results.md"]
    files[-1].write_text(page, "utf-8")
    files += plots.draw(outcome.rows, out)
    print("\n".join(map(str, files)))
    return outcome.problems


def _out() -> pathlib.Path:
    date = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    out = pathlib.Path(_OUT.value or f"runs/benchmarks-{date}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise settings.SettingsError(f"--out={out} is there already; name a new directory.")
    return out


def _parse(args: list[str]) -> list[str]:
    """Parses flags; what is wrong with them is one line."""
    try:
        settings.check_names(re.findall(r"(?m)^--?config\.([\w.]+)", "\n".join(args)))
        if not any(re.match(r"--?config(=|$)", arg) for arg in args):
            # As a default of the flag it would be parsed when this module is imported.
            args = [args[0], f"--config={settings.FULL}", *args[1:]]
        return flags.FLAGS(args)
    except AttributeError as error:
        if "get_config" not in str(error):
            raise
        problem = "the file of --config has no get_config()."
    except (flags.Error, settings.SettingsError, SyntaxError, ImportError, TypeError) as error:
        problem = str(error)
    sys.exit(f"benchmarks: {problem}")


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
