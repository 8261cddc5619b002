"""`dist-f1 report` on damaged files of a run: a report without them, or one error of one line."""

import itertools

import example_runs
import fuzzing
import numpy as np
import pytest
from click.testing import CliRunner
from hostile_json import NO_OBJECTS, objects_with
from npz_files import archive, inflating_archive, npy, plain_header
from peak_memory import limited_memory

from dist_f1.commands import main
from dist_f1.jobs.run_results import read_results

CLASSES = 3
STYLES = ("text", "json", "markdown", "html")
JSON = {
    "config.json": ("class_names", "versions", "average", "dataset", "epochs", "token", "devices"),
    "report.json": ("class 000", "accuracy"),
    "scores.json": ("scores", "f1_macro"),
    "metrics.jsonl": ("epoch", "split", "loss"),
}
_ROW = '{{"epoch": {0}, "split": {1}, "loss": {2}, "f1_macro": {3}}}\n'
ROWS = {
    f"row {number} {value}": _ROW.format(
        *(value if i == number else d for i, d in defaults)
    ).encode()
    for value in (
        "null",
        "true",
        "NaN",
        "1e999",
        "[]",
        "{}",
        '"x"',
        "-3",
        "0.5",
        "9" * 18,
        "9" * 400,
    )
    for number in range(4)
    for defaults in [list(enumerate(("1", '"validation"', "0.5", "0.5")))]
}
SCORES = {
    f"score {value}": f'{{"scores": {{"f1_macro": {value}}}}}'.encode()
    for value in (
        *("null", "3", "[]", '"x"', "{}", '{"value": 1}', '{"value": "x", "low": 0, "high": 1}'),
        *('{"value": true, "low": 0, "high": 1}', '{"value": 1e999, "low": 0, "high": 1}'),
        *('{"value": NaN, "low": NaN, "high": NaN}', '{"value": 1, "low": [], "high": {}}'),
    )
}
ZEROS = np.zeros(3, np.int64)


def _predictions(**arrays):
    arrays = {"y_true": ZEROS, "y_pred": ZEROS + 1, "probability": ZEROS / 2} | arrays
    return archive([(f"{name}.npy", npy(x)) for name, x in arrays.items() if x is not None])


PREDICTIONS = {
    "no archive": b"PK",
    "no y_true": _predictions(y_true=None),
    "scalar": _predictions(y_true=np.int64(0)),
    "floats": _predictions(y_true=ZEROS / 2),
    "strings": _predictions(y_true=np.array(["a", "b", "c"])),
    "objects": plain_header((3,), "|O", b"x" * 24),
    "other length": _predictions(y_pred=ZEROS[:2]),
    "three axes": _predictions(**dict.fromkeys(("y_true", "y_pred"), ZEROS.reshape(3, 1, 1))),
    "unknown class": _predictions(y_pred=ZEROS + 3),
    "negative class": _predictions(y_pred=ZEROS - 1),
    "other width": _predictions(
        y_true=np.zeros((3, 2), int), y_pred=np.ones((3, 2), int), probability=np.ones((3, 2))
    ),
    "nan": _predictions(probability=ZEROS * np.nan),
    "integral probability": _predictions(probability=ZEROS),
    "no rows": _predictions(y_true=ZEROS[:0], y_pred=ZEROS[:0], probability=np.zeros(0)),
    "10^12 rows": archive([("y_true.npy", plain_header((10**12,)))]),
    "400 MB of zeros": inflating_archive(
        "y_true.npy", plain_header((50_000_000,)), 400_000_000, 400_000_128
    ),
}
CASES = [
    # A last line without a line break may be incomplete.
    *((f, name, data + b"\n") for f in JSON for name, data in NO_OBJECTS.items()),
    *((file, name, data) for file, keys in JSON.items() for name, data in objects_with(*keys)),
    *(("metrics.jsonl", name, data) for name, data in ROWS.items()),
    *(("scores.json", name, data) for name, data in SCORES.items()),
    *(("predictions.npz", name, data) for name, data in PREDICTIONS.items()),
    *(("sweep.npz", name, data) for name, data in PREDICTIONS.items()),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return example_runs.write_run(
        tmp_path_factory.mktemp("runs") / "run", CLASSES, rows=60, epochs=2
    )


def report(*arguments):
    """Run `dist-f1 report` in this process; assert that it ends as documented."""
    result = CliRunner().invoke(main._commands, ["report", *map(str, arguments)])
    assert result.exit_code in (0, 1), arguments
    assert result.exception is None or isinstance(result.exception, SystemExit), arguments
    return result


class Replaced:
    """The content of a file in a block: any bytes."""

    def __init__(self, path, data):
        self._path, self._data = path, data

    def __enter__(self):
        self._before = self._path.read_bytes() if self._path.exists() else None
        self._path.write_bytes(self._data)

    def __exit__(self, *_):
        self._path.unlink()
        if self._before is not None:
            self._path.write_bytes(self._before)


def test_every_other_file_may_hold_anything(run):
    """The results are read, and warnings name the file; nothing raises."""
    for file, name, data in CASES:
        warnings = []
        with Replaced(run / file, data), limited_memory(len(data)):
            results = read_results(run, warn=warnings.append)
        assert results.counts.num_classes == CLASSES
        assert all(file in text for text in warnings), (file, name, warnings)
        assert len(warnings) <= 2, (file, name, warnings)
        # `report.json` is only read if `config.json` has no names.
        if name in NO_OBJECTS and data.strip() and file != "report.json":
            assert warnings, (file, name)


# Each style costs some time, so the fast tests take a sample.
@pytest.mark.parametrize(
    "part", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 12))]
)
def test_the_command_reports_without_damaged_files(run, part):
    for number, (file, name, data) in enumerate(CASES[part::12]):
        with Replaced(run / file, data):
            result = report(run, f"--format={STYLES[number % 4]}")
            assert result.exit_code == 0, (file, name, result.output)
            assert result.stdout
            if number % 5 == 0:
                assert report("--compare", run, run).exit_code == 0


def _damaged(data, stride):
    """Yield the bytes with each byte flipped, and cut at each length; some of them."""
    for k in range(0, len(data), stride):
        yield data[:k]
        yield data[:k] + bytes([data[k] ^ (1 << k % 8)]) + data[k + 1 :]


@pytest.mark.parametrize("stride", [97, pytest.param(fuzzing.stride(3), marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "file", ["config.json", "scores.json", "metrics.jsonl", "predictions.npz", "sweep.npz"]
)
def test_flipped_and_cut_files_are_right_or_named(run, file, stride):
    for data in _damaged((run / file).read_bytes(), stride):
        warnings = []
        with Replaced(run / file, data):
            read_results(run, warn=warnings.append)
        assert all(file in text for text in warnings)


def test_damaged_counts_are_one_error_of_one_line(run):
    data = (run / "counts.npz").read_bytes()
    for damaged in itertools.islice(_damaged(data, len(data) // 8), 16):
        with Replaced(run / "counts.npz", damaged):
            result = report(run)
        if result.exit_code:
            assert "counts.npz" in result.output
            assert result.output.count("\n") == 1


def test_names_that_do_not_fit_the_counts_are_left_out(run):
    with Replaced(run / "config.json", b'{"class_names": ["a", "b"]}'):
        result = report(run)
    assert result.exit_code == 0
    assert "config.json has 2 class names, but" in result.stderr
    assert "has 3 classes. Pass --class_names." in result.stderr


def test_a_damaged_file_is_named_on_standard_error(run):
    with Replaced(run / "scores.json", b'{"scores": 3}'):
        result = report(run, "--format=html")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Warning: {run / 'scores.json'} is damaged: 'scores' is 3, expected an")
    assert "Warning" not in result.stdout
