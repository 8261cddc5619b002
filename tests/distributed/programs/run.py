"""Runs `run.py MODULE.FUNCTION DEVICES ARGS...` in a worker process, and prints its result."""

import faulthandler
import importlib
import json
import sys

import autotuning
from cluster import RESULT
from worker_steps import make_strategy

if __name__ == "__main__":
    # Shows where a worker hangs.
    faulthandler.dump_traceback_later(150)
    autotuning.switch_off()
    name, devices, *arguments = sys.argv[1:]
    module, _, function = name.partition(".")
    program = getattr(importlib.import_module(module), function)
    result = program(make_strategy(int(devices)), *arguments)
    print(RESULT + json.dumps(result), flush=True)
