"""The command `python -m tpu`, with `tests` on the path; `make tpu` runs it.

Exit codes: 0, all is as it must be; 1, it is not.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from dist_f1 import testing
from tpu import tables


def main() -> int:
    """Prints all tables as they are made, and gives the exit code."""
    started = time.monotonic()
    testing.split_cpu(8)
    print(tables.header(), flush=True)
    problems = []
    for line, row in tables.lines():
        print(line, flush=True)
        if row is not None:
            problems += [f"{row.case}, {row.replicas} replicas: {x}" for x in row.problems]
    print(f"\n{tables.totals()}; {time.monotonic() - started:.0f} s.")
    for problem in problems:
        print(f"- WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
