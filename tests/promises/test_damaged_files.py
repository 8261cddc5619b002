"""A damaged or hostile file is one ValueError: of counts, sweeps, checkpoints and the report.

`DIST_F1_FUZZ=1` flips two bits of each byte, and cuts at each length. Otherwise each byte of counts
and sweeps is flipped in one way, and some bytes of checkpoints and reports, which are read by the
same functions, but slowly.
"""

import functools
import io
import itertools
import zipfile

import click.testing
import numpy as np
import pytest
from comparisons import same
from fuzzing import IS_FULL, stride
from npz_files import archive, header, inflating_archive, npy, plain_header, raw_archive
from peak_memory import limited_memory
from tiers import slow

import dist_f1
from dist_f1 import Counts, Sweep
from dist_f1.commands import report

FLIPS = [0x01, 0x80] if IS_FULL else [0x20]
INDICATORS = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]])
COUNTS = {
    "plain": Counts.from_labels([0, 1, 2, 7], [0, 2, 2, 1], 3),
    "matrix": Counts.from_labels([0, 1, 2], [0, 2, 2], 3, [0.5, 2.0, 1.0], confusion=True),
    "multilabel": Counts.from_labels(INDICATORS, INDICATORS[::-1], 3),
}


def saved(value, tmp_path):
    value.save(tmp_path / "saved.npz")
    return (tmp_path / "saved.npz").read_bytes()


class Reader:
    """A reader of files with one correct file: `read` returns the value, or raises ValueError."""

    step = 1

    def __init__(self, tmp_path):
        self.path = tmp_path / "file.npz"
        self.content = self.make(tmp_path)

    def write(self, content):
        self.path.write_bytes(content)
        return self.path


class CountsReader(Reader):
    kind = "plain"

    def make(self, tmp_path):
        return saved(COUNTS[self.kind].numpy(), tmp_path)

    def read(self, content):
        return Counts.load(self.write(content))


class MatrixReader(CountsReader):
    kind = "matrix"
    step = 3


class MultilabelReader(CountsReader):
    kind = "multilabel"
    step = 7


class SweepReader(Reader):
    def make(self, tmp_path):
        return saved(Sweep.from_scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 4), tmp_path)

    def read(self, content):
        sweep = Sweep.load(self.write(content))
        return sweep.counts._replace(samples={"thresholds": sweep.thresholds})


class CheckpointReader(Reader):
    step = 17

    def make(self, tmp_path):
        self.metric = dist_f1.F1Score("samples", 0.5, num_classes=3)
        self.metric.update_state(INDICATORS, INDICATORS.astype("float32"))
        return self.metric.accumulator.serialize()

    def read(self, content):
        before = self.metric.counts()
        try:
            self.metric.accumulator.deserialize(content)
        except ValueError:
            same(self.metric.counts(), before)
            raise
        return self.metric.counts()


class SweepCheckpointReader(CheckpointReader):
    def make(self, tmp_path):
        self.metric = dist_f1.ThresholdSweep(4, num_classes=1)
        self.metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        return self.metric.accumulator.serialize()


class ReportReader(Reader):
    """The command: its only error is one line with the name of the file, and exit code 1."""

    style = "text"
    step = 17

    def make(self, tmp_path):
        return saved(COUNTS["matrix"].numpy(), tmp_path)

    def read(self, content):
        arguments = [str(self.write(content)), f"--format={self.style}"]
        result = click.testing.CliRunner().invoke(report.main, arguments)
        if not result.exit_code:
            return result.output
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        message = result.exception.code
        assert isinstance(message, str)
        assert result.output == f"{message}\n"
        raise ValueError(message)


class HtmlReportReader(ReportReader):
    style = "html"


READERS = {
    "counts": CountsReader,
    "counts with a matrix": MatrixReader,
    "multilabel counts": MultilabelReader,
    "sweep": SweepReader,
    "checkpoint": CheckpointReader,
    "checkpoint of a sweep": SweepCheckpointReader,
    "report": ReportReader,
}


def equal(found, expected):
    if isinstance(expected, str):
        assert found == expected
    else:
        same(found, expected)


def refuses(reader, content, expected=None):
    """Whether the reader raises; otherwise it must return `expected`, if that is given."""
    message = ""
    try:
        found = reader.read(content)
    except ValueError as error:
        message = str(error)
    if message:
        assert "\n" not in message
        assert "checkpoint of the counts" in message or "file.npz" in message
        return True
    if expected is not None:
        equal(found, expected)
    return False


@pytest.mark.parametrize("kind", READERS)
def test_a_cut_or_flipped_file_raises_or_is_read_right(kind, tmp_path):
    reader = READERS[kind](tmp_path)
    content = reader.content
    expected = reader.read(content)
    # An empty checkpoint is the one of a metric that has counted nothing.
    step = stride(reader.step)
    for length in range(1, len(content), step):
        assert refuses(reader, content[:length]), length
    undetected = 0
    for position, flip in itertools.product(range(0, len(content), step), FLIPS):
        changed = bytearray(content)
        changed[position] ^= flip
        undetected += not refuses(reader, bytes(changed), expected)
    # Dates, attributes and versions of the writer mean nothing.
    assert undetected < len(content) * len(FLIPS) / step / 3


def arrays_of(content):
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def hostile_arrays(array):
    """Return members that may stand in for the `.npy` file of an array, and are no such array."""
    size = array.shape[-1] if array.shape else 1
    number = np.dtype(array.dtype.str)
    shapes = [(10**12,), (2**62, 2**62), (0,), (-1,), (0, 10**12), (size,) * 70]
    return {
        **{f"shape {shape}": plain_header(shape, array.dtype.str) for shape in shapes},
        "an object": npy(np.array([{}])),
        "a text": npy(np.array("x" * 10)),
        "invalid text": plain_header((1,), "<U1", b"\xff" * 4),
        "bytes": npy(np.array(b"\xff\xfe")),
        "booleans": npy(np.zeros(array.shape, bool)),
        "complex": npy(np.zeros(array.shape, complex)),
        "float32": npy(array.astype(np.float32)),
        "big-endian": npy(array.astype(number.newbyteorder(">"))),
        "one axis more": npy(array[np.newaxis]),
        "no axis": npy(np.zeros((), array.dtype)),
        "nothing": npy(np.zeros((*array.shape[:-1], 0), array.dtype)),
        "largest": npy(np.full(array.shape, 2**63 - 1, np.int64)),
        "smallest": npy(np.full(array.shape, -(2**63), np.int64)),
        "NaN": npy(np.full(array.shape, np.nan)),
        "infinite": npy(np.full(array.shape, -np.inf)),
        "1e308": npy(np.full(array.shape, 1e308)),
        "more": npy(np.asarray(array) + np.ones((), array.dtype)),
        "empty": b"",
        "a nested header": header("(" * 5000),
        "a wrong header": header("{'descr': 1}"),
    }


@functools.cache
def many_members():
    return archive([(f"{i}.npy", b"") for i in range(30_000)])


def hostile_files(content):
    """Yield `(name, bytes)` of files that are hostile, or hold other values."""
    arrays = {name: x for name, x in arrays_of(content).items() if x.dtype.kind in "if"}
    members = {f"{name}.npy": npy(x) for name, x in arrays_of(content).items()}
    for name, array in arrays.items():
        own = f"{name}.npy"
        for kind, member in hostile_arrays(array).items():
            if member == members[own]:
                continue
            yield f"{name}: {kind}", archive({**members, own: member}.items())
        yield f"{name} doubled", archive([*members.items(), (own, members[own])])
        yield f"{name} missing", archive([x for x in members.items() if x[0] != own])
        zeros = 400_000_000
        start = plain_header((zeros // 8,), "<i8")
        yield f"{name} inflates", inflating_archive(own, start, zeros, len(start) + zeros)
    for extra in ("samples.x", "samples.", "confusion", "class_total", "decision", "multilabel"):
        for number in (0, 1, -1):
            member = (f"{extra}.npy", npy(np.array(number)))
            yield f"{extra} {number}", archive([*members.items(), member])
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"method {method}", archive(members.items(), method)
    yield "encrypted", raw_archive("total.npy", b"x" * 10, 10, method=0, flags=1)
    yield "a folder", archive([(f"../{name}", x) for name, x in members.items()])
    yield "many members", many_members()


FAST = [name for name in READERS if name in ("counts", "sweep")]
OTHERS = [name for name in [*READERS, "html report"] if name not in FAST]


@pytest.mark.parametrize("kind", [*FAST, *map(slow, OTHERS)])
def test_a_hostile_file_is_one_error_and_takes_little_memory(kind, tmp_path):
    reader = {**READERS, "html report": HtmlReportReader}[kind](tmp_path)
    accepted, number = [], 0
    for name, content in hostile_files(reader.content):
        number += 1
        with limited_memory(len(content)):
            is_refused = refuses(reader, content)
        if not is_refused:
            accepted.append(name)
    assert number > 150
    # Values that may be true: one more row, optional arrays, and sums of weights.
    harmless = (
        "more",
        "missing",
        "largest",
        "1e308",
        "decision",
        "multilabel",
        "thresholds: float",
    )
    harmless += ("thresholds: big", "format_version: big")
    assert all(any(word in name for word in harmless) for name in accepted), accepted
