"""A config file that cannot be read or run is one usage error, which names the file."""

import pytest
from click.testing import CliRunner
from job_configs import CONFIGS

from dist_f1.commands import main

GET = "def get_config():\n    return "
ML = "import ml_collections\n"
CASES = {
    "nothing": (b"", "the file has no get_config(). Define it."),
    "zeros": (b"x = 1\0", "null bytes"),
    "binary": (bytes(range(256)) * 10, "null bytes"),
    "no UTF-8": (b"x = '\xff\xfe'\n", "'utf-8' codec can't decode byte 0xff"),
    "unknown encoding": (b"# -*- coding: klingon -*-\n", "unknown encoding"),
    "syntax": (b"def get_config(:\n", "SyntaxError: invalid syntax"),
    "deep": (b"x = " + b"(" * 5000 + b")" * 5000, "SyntaxError: too many nested parentheses"),
    "deeper": (b"x = a" + b".a" * 100_000, "RecursionError"),
    "minus": (b"x = " + b"-" * 100_000 + b"1", "Error"),
    "None": (f"{GET}None\n".encode(), "get_config() returned NoneType. Return an ml_coll"),
    "dict": (f"{GET}{{'a': 1}}\n".encode(), "get_config() returned dict. Return an ml_collect"),
    "list": (f"{GET}[]\n".encode(), "get_config() returned list. Return an ml_collections.C"),
    "number": (f"{GET}3\n".encode(), "get_config() returned int. Return an ml_collections.C"),
    "frozen": (
        f"{ML}{GET}ml_collections.FrozenConfigDict({{'a': 1}})\n".encode(),
        "FrozenConfigDict is immutable",
    ),
    "no function": (b"get_config = 3\n", "'int' object is not callable"),
    "arguments": (b"def get_config(x, y):\n    pass\n", "missing 2 required positional argument"),
    "division": (f"{GET}1 / 0\n".encode(), "line 2: ZeroDivisionError: division by zero. Correct"),
    "module": (b"\n\n1 / 0\n", "line 3: ZeroDivisionError: division by zero. Correct the file."),
    "key": (f"{GET}{{}}['epochs']\n".encode(), "line 2: KeyError: 'epochs'. Correct the file."),
    "attribute": (f"{ML}{GET}ml_collections.x()\n".encode(), "line 3: AttributeError: module"),
    "import": (b"import no_such_module\n", "line 1: ModuleNotFoundError: No module named"),
    "recursion": (f"{GET}get_config()\n".encode(), "line 2: RecursionError"),
    "memory": (b"raise MemoryError\n", "line 1: MemoryError. Correct the file."),
    "exit": (b"raise SystemExit\n", "line 1: SystemExit. Correct the file."),
    "keys": (f"{ML}{GET}ml_collections.ConfigDict({{3: 4, 'a': 5}})\n".encode(), "TypeError"),
    "a number as a key": (
        f"{ML}{GET}ml_collections.ConfigDict({{3: 4}})\n".encode(),
        "key 3 is no text",
    ),
}


def train(path, *arguments):
    command = ["train", f"--config={path}", f"--run_dir={path}.run", *arguments]
    result = CliRunner().invoke(main._commands, command)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    return result.output.splitlines()[-1]


@pytest.mark.parametrize("arguments", [(), ("--config.epochs=1",)])
@pytest.mark.parametrize("name", CASES)
def test_a_config_file_with_a_fault_is_a_usage_error(tmp_path, name, arguments):
    content, message = CASES[name]
    (tmp_path / "config.py").write_bytes(content)
    line = train(tmp_path / "config.py", *arguments)
    assert message in line
    assert f"--config={tmp_path}/config.py: " in line


@pytest.mark.parametrize("kind", ["directory", "missing", "loop", "NUL", "long"])
def test_a_path_that_is_no_config_file_is_a_usage_error(tmp_path, kind):
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    paths = {
        "directory": "",
        "missing": "no.py",
        "loop": "loop.py",
        "NUL": "a\0",
        "long": "x" * 999,
    }
    line = train(f"{tmp_path}/{paths[kind]}")
    assert "Pass a file with get_config()." in line


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs = 10**5000", "Exceeds the limit"),
        ("epochs = True", "config.epochs must be an integer"),
        (
            "learning_rate = float('nan')",
            "config.learning_rate must be a positive number of at most 1e+38",
        ),
        ("class_names = ('\\ud800', 'b')", "config.class_names must be valid UTF-8 text, got"),
        ("dataset = 'npz:\\udcff'", "config.dataset must be valid UTF-8 text, got"),
    ],
)
def test_a_setting_that_no_file_can_hold_is_a_usage_error(tmp_path, setting, message):
    text = CONFIGS["digits"].read_text() + (
        "\n\noriginal = get_config\n\n\ndef get_config():\n    config = original()\n"
        f"    config.ignore_type().__enter__()\n    config.{setting}\n    return config\n"
    )
    (tmp_path / "config.py").write_text(text)
    assert message in train(tmp_path / "config.py")
