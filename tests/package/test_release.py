"""The files of a release agree on its version, its date and the supported Pythons."""

import datetime
import pathlib
import re
import sys

import yaml

from dist_f1.version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    # A dependency of pytest.
    import tomli as tomllib

ROOT = pathlib.Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def newest_entry():
    """Return the version and the date of the first entry of the changelog."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.search(r"^## (\S+), (\S+)$", text, re.MULTILINE).groups()


def test_the_changelog_and_the_citation_have_the_version_of_the_code():
    version, date = newest_entry()
    assert version == CITATION["version"] == __version__
    assert date == CITATION["date-released"]
    assert datetime.date.fromisoformat(date)


def test_the_entry_of_a_version_has_only_the_known_kinds_of_changes():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert kinds
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_supported_pythons_are_the_same_everywhere():
    prefix = "Programming Language :: Python :: 3."
    classifiers = PYPROJECT["project"]["classifiers"]
    pythons = [c.rpartition(" ")[2] for c in classifiers if c.startswith(prefix)]
    assert pythons == PYPROJECT["tool"]["tox"]["env_list"]
    assert PYPROJECT["project"]["requires-python"] == f">={pythons[0]}"
    page = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    row = re.search(r"^\| Python \| (.+?) \|", page, re.MULTILINE).group(1)
    assert row == f"{pythons[0]} to {pythons[-1]}"


def test_every_deprecated_name_is_in_the_table_of_deprecated_names():
    from dist_f1.jobs.settings import RENAMED

    page = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(.+?)` \| `(.+?)` \| \d+\.\d+\.\d+ \|", page, re.MULTILINE))
    settings = {(f"config.{old}", f"config.{new}") for old, new in RENAMED.items()}
    assert rows == settings | {("--start_timeout", "--join_timeout")}


def test_every_licence_that_is_shipped_is_part_of_the_metadata():
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "dist_f1").rglob("*")
        if path.name.startswith(("LICENSE", "NOTICE"))
    }
    named = {
        str(path.relative_to(ROOT))
        for pattern in PYPROJECT["project"]["license-files"]
        for path in ROOT.glob(pattern)
    }
    assert found
    assert named == found | {"LICENSE"}
