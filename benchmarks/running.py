"""Runs suites one after the other, and keeps what they find as it comes."""

from __future__ import annotations

import dataclasses
import pathlib
import traceback
from typing import Any

import ml_collections

from benchmarks import environment, suites
from benchmarks.progress import Progress
from benchmarks.records import Log, Row

RESULTS = "results.jsonl"


@dataclasses.dataclass
class Outcome:
    """Of a run."""

    header: dict[str, Any]
    rows: list[Row] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)  # none: all is well


def run(config: ml_collections.ConfigDict, out: pathlib.Path, progress: Progress) -> Outcome:
    """Runs the suites of a config, and writes each row to `out` when it is found.

    A suite that fails is a problem of the outcome, and so are wrong values; the others still run.
    What was found is kept, also if the run is interrupted.
    """
    devices = environment.set_up(config.replicas)
    outcome = Outcome(environment.header(config.to_dict()))
    out.mkdir(parents=True, exist_ok=True)
    log = Log(out / RESULTS, outcome.header)
    label = environment.label()
    context = suites.Context(devices, label, config.seed, progress, out)
    for name in config.suites:
        try:
            for row in suites.load(name)(config[suites.section(name)], context):
                labelled = dataclasses.replace(row, case={"device": label, **row.case})
                log.write(labelled)
                outcome.rows.append(labelled)
        except KeyboardInterrupt:
            log.failure(name, "interrupted")
            outcome.problems.append(f"{name} was interrupted; what it had found is kept.")
            break
        except Exception as error:
            traceback.print_exc()
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            log.failure(name, problem)
            outcome.problems.append(f"{name} failed, the other suites went on: {problem}")
        finally:
            progress.close()
    outcome.problems += [_wrong(row) for row in outcome.rows if row.wrong]
    return outcome


def _wrong(row: Row) -> str:
    case = ", ".join(f"{name} {value}" for name, value in row.case.items() if name != "device")
    values = "1 value differs" if row.wrong == 1 else f"{row.wrong} values differ"
    return f"{row.suite}, {row.variant} ({case}): {values} from scikit-learn."
