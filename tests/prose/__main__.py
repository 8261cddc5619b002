"""Print the sentences that break a rule of `rules.yaml`, and exit with 1 if there are any.

PYTHONPATH=tests python -m prose [FILE ...]
"""

import pathlib
import sys

from prose.checks import check_text, files_to_check

root = pathlib.Path.cwd()
files = files_to_check(root, [pathlib.Path(path).resolve() for path in sys.argv[1:]])
findings = [found for file in files for found in check_text(file, (root / file).read_text("utf-8"))]
for path, line, rule, message in findings:
    print(f"{path}:{line}: {rule}: {message}")
print(f"{len(files)} files, {len(findings)} findings")
sys.exit(bool(findings))
