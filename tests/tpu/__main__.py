"""The command `python -m tpu`, with `tests` and `tests/support` on the path; see `make tpu`.

Exit codes: 0 if all checks pass, 1 otherwise.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from dist_f1 import testing
from tpu import tables


def main() -> int:
    """Print the tables row by row, and return the exit code."""
    start = time.monotonic()
    testing.split_cpu(8)
    print(tables.header(), flush=True)
    rows = []
    for line, row in tables.lines():
        print(line, flush=True)
        if row is not None:
            rows.append(row)
    print(f"\n{tables.totals(rows)}; {time.monotonic() - start:.0f} s.")
    problems = [f"{row.case}, {row.replicas} replicas: {x}" for row in rows for x in row.problems]
    for problem in problems:
        print(f"- WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
