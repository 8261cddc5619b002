"""Markdown tables."""

import dataclasses
import re

from benchmarks import tables
from benchmarks.records import Record
from benchmarks.samples import Samples, difference

BASE, OTHER = Samples((1.0, 2.0, 3.0)), Samples((2.0, 3.0, 4.0))
NOISE = difference(BASE, Samples((1.25, 2.25, 3.25)))
HEADER = {
    "device": "4 devices",
    "versions": {"tensorflow": "9.1"},
    "git": {"hash": "0123456789abcdef", "changed": True},
}


def records(**case):
    case = {"device": "4 devices", "classes": 1000, **case}
    yield Record("update", case, "floor", BASE, noise=NOISE, values={"first_ms": 12.3456})
    yield Record(
        "update",
        case,
        "F1Score",
        OTHER,
        "floor",
        difference(BASE, OTHER),
        NOISE,
        {"bytes": 123456},
        {"first_ms": 2.0, "peak_memory_mb": {"host": 77.0}, "all": list(range(50))},
        wrong=0,
    )


def cells(page, variant):
    """Return the cells of a variant in each table."""
    lines = [line for line in page.splitlines() if f"| {variant} |" in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_line_has_statistics_difference_and_verdict():
    page = tables.markdown(HEADER, list(records()))
    times, figures = cells(page, "F1Score")
    assert times == ["F1Score", "3", "3.98", "+1", "1.50 [1.33, 2.00]", "0.25", "slower", "0"]
    assert figures == ["F1Score", "2", "123,456", "77"]
    assert cells(page, "floor")[0][3:] == ["", "", "0.25", "baseline", ""]


def test_tables_have_suite_and_device_as_title():
    several = [
        *records(),
        *records(device="2 GPUs"),
        Record("read", {}, "x", counted={"collectives": 1}),
    ]
    page = tables.markdown(HEADER, several)
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert titles == ["update: 4 devices", "update: 2 GPUs", "read: no device"]
    assert "tensorflow 9.1" in page
    assert "0123456789ab with changes" in page


def test_a_setting_that_all_records_share_is_not_a_column():
    page = tables.markdown(HEADER, [*records(replicas=2), *records(replicas=4)])
    assert "classes 1,000, rounds 3" in page.splitlines()
    assert "| replicas | variant | p50 |" in page
    assert [line[:2] for line in cells(page, "F1Score")[:2]] == [["2", "F1Score"], ["4", "F1Score"]]


def test_all_lines_of_a_table_have_the_same_number_of_cells():
    piped = Record("update", {"a|b": 1}, "x|y", counted={"n": 1})
    page = tables.markdown(HEADER, [*records(replicas=2), piped])
    assert "x\\|y" in page
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        lines = table.replace("\\|", "").splitlines()
        assert len({line.count("|") for line in lines}) == 1


def test_no_line_is_longer_than_120_characters():
    many = {f"figure number {i}": 10.0**i for i in range(20)}
    versions = {f"package-{i}": "1.2.3" for i in range(20)}
    wide = [Record("read", {"classes": n}, "x", counted=many) for n in (2, 3)]
    page = tables.markdown(HEADER | {"versions": versions}, wide)
    assert max(map(len, page.splitlines())) <= 120
    shown = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    columns = [table.splitlines()[0].strip("| ").split(" | ") for table in shown]
    assert {"classes", "variant"} <= set.intersection(*map(set, columns))
    assert set(many) <= set().union(*columns)
    assert page.count("| 1,000,000 |") == len(wide)


def test_a_difference_among_the_values_is_one_column():
    record = Record("update", {}, "x", values={"over": dataclasses.asdict(difference(BASE, OTHER))})
    assert "| x | 1.50 [1.33, 2.00] |" in tables.markdown({}, [record])


def test_numbers_are_formatted_for_people():
    given = [1234567, 0.000123456, 12345.6, True, None, [1, 0.5], "text", float("nan")]
    shown = ["1,234,567", "0.0001235", "12,346", "True", "", "1, 0.5", "text", ""]
    assert [tables.number(value) for value in given] == shown


def test_cases_with_different_settings_have_separate_tables():
    given = [Record("read", {"classes": n}, "F1Score", counted={"collectives": 1}) for n in (2, 10)]
    given += [Record("read", {"bytes": n}, "all_reduce", values={"bytes": 3}) for n in (8, 16)]
    page = tables.markdown({}, given)
    assert "| classes | variant | collectives |" in page
    assert "| bytes | variant | bytes (counted) |" in page
