"""Files with a JSON object on each line, e.g. `metrics.jsonl`."""

import json
import pathlib
from typing import Any


def read_records(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return the objects of the lines, `[]` without the file; an incomplete line is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
