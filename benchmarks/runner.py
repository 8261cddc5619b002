"""Runs suites one after another, and writes every record as soon as it is known."""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import traceback
from typing import Any

import ml_collections

from benchmarks import environment, suites
from benchmarks.context import Context
from benchmarks.progress import Progress
from benchmarks.records import Record, RecordLog
from dist_f1.commands.exits import Interrupted

RESULTS = "results.jsonl"


@dataclasses.dataclass
class Outcome:
    """Outcome of a run; a run without problems succeeded."""

    header: dict[str, Any]
    records: list[Record] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    is_interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 130 after Ctrl-C."""
        return 128 + signal.SIGINT if self.is_interrupted else int(bool(self.problems))


def run(config: ml_collections.ConfigDict, out: pathlib.Path, progress: Progress) -> Outcome:
    """Run the suites of a config, and write their records to `out`.

    A suite that fails is a problem of the outcome, and so are mismatches. The other suites still
    run. After an interruption, the records so far are kept.
    """
    devices = environment.set_up(config.replicas)
    outcome = Outcome(environment.header(config.to_dict()))
    out.mkdir(parents=True, exist_ok=True)
    log = RecordLog(out / RESULTS, outcome.header)
    label = environment.label()
    context = Context(devices, label, config.seed, progress, out)
    for name in config.suites:
        try:
            for record in suites.load(name)(config[suites.SUITES[name]], context):
                labelled = dataclasses.replace(record, case={"device": label, **record.case})
                log.write(labelled)
                outcome.records.append(labelled)
        except Interrupted:
            outcome.is_interrupted = True
            log.write_failure(name, "interrupted")
            outcome.problems.append(f"{name} was interrupted; its records so far are kept.")
            break
        except Exception as error:
            traceback.print_exc()
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            log.write_failure(name, problem)
            outcome.problems.append(f"{name} failed, the other suites ran: {problem}")
        finally:
            progress.close()
    for x in outcome.records:
        if x.wrong:
            case = ", ".join(f"{k} {value}" for k, value in x.case.items() if k != "device")
            values = "1 value differs" if x.wrong == 1 else f"{x.wrong} values differ"
            problem = f"{x.suite}, {x.variant} ({case}): {values} from scikit-learn."
            outcome.problems.append(problem)
    return outcome
