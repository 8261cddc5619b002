"""The command that compiles for TPUs, with a fake compiler: output, exit codes and isolation."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from dist_f1.testing import op_lint
from tpu_aot import __main__ as command
from tpu_aot import environment, lowering, ops, processes, running
from tpu_aot.lowering import Planned
from tpu_aot.processes import ProcessResult
from tpu_aot.rows import Expected

TESTS = str(pathlib.Path(__file__).parents[1])


def run_python(code, timeout=60.0, environ=os.environ):
    return processes.run([sys.executable, "-c", code], environ, timeout)


def test_a_process_succeeds_or_fails_with_its_last_message():
    assert run_python("print(1)") == ProcessResult(None, "")
    assert run_python("import sys; sys.exit('no such topology')") == ProcessResult(
        "ended with exit code 1", "no such topology"
    )


def test_a_process_that_aborts_has_its_signal_and_message_without_the_stack():
    code = (
        "import os, sys; sys.stderr.write('F0 Check failed: x\\n*** stack ***\\n    @  0x7f\\n');"
        "sys.stderr.flush(); os.abort()"
    )
    assert run_python(code) == ProcessResult("aborted (SIGABRT)", "F0 Check failed: x")


def test_a_process_that_hangs_is_killed_with_its_children():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    assert run_python(code, timeout=0.5).problem == "timed out after 0.5 s"


def planned(name, **fields):
    return Planned(name, "step", Expected(("all-reduce u32",)), **fields)


class Compiler:
    """Writes what the two processes would write, without libtpu."""

    def __init__(self, programs, sends="all-reduce u32", aborts=(), differences=()):
        self.programs, self.sends, self.aborts = programs, sends, aborts
        self.differences = list(differences)

    def __call__(self, arguments, timeout):
        module, first, *rest = arguments
        if module == "tpu_aot.compiling":
            topology, output = rest
            if topology in self.aborts:
                return ProcessResult("aborted (SIGABRT)", "Check failed")
            compiled = {"sends": [{"kind": self.sends, "bytes": 8}], "cycles": 1}
            result = {"error": "no such topology"} if topology == "v99" else compiled
            pathlib.Path(output).write_text(json.dumps(result))
        elif module == "tpu_aot.ops":
            result = {"registered": 2, "differences": self.differences}
            pathlib.Path(first).write_text(json.dumps(result))
        else:
            return self._lower(pathlib.Path(first))
        return ProcessResult(None, "")

    def _lower(self, folder):
        if not (folder / lowering.PLAN).exists():
            lowering.append(folder / lowering.PLAN, self.programs)
        done = len(lowering.read(folder / lowering.LOWERED))
        for program in self.programs[done:]:
            if program.name == "aborts":
                return ProcessResult("aborted (SIGSEGV)", "")
            lowering.append(folder / lowering.LOWERED, [program])
        return ProcessResult(None, "")


def check(compiler, folder, topologies=("v4:2x2x1", "v6e:2x4")):
    found = []
    code = command.check(compiler, folder, "", topologies, found.append)
    return code, [(x.program, x.topology, x.status) for x in found]


def test_the_exit_code_is_0_if_all_results_are_expected(tmp_path, capsys):
    code, found = check(Compiler([planned("a", path="a"), planned("b", path="b")]), tmp_path)
    assert code == 0
    assert len(found) == 4
    output = capsys.readouterr().out
    assert "2 of 2 programs x 2 topologies compiled as expected" in output
    assert "The list of ops equals the registry: 2 ops." in output


def test_a_program_that_aborts_its_process_is_one_row(tmp_path, capsys):
    programs = [planned("a", path="a"), planned("aborts"), planned("b", path="b")]
    code, found = check(Compiler(programs, aborts=("v6e:2x4",)), tmp_path)
    assert code == 1
    assert found == [
        ("a", "v4:2x2x1", "compiled"),
        ("a", "v6e:2x4", "aborted"),
        ("aborts", "", "failed"),
        ("b", "v4:2x2x1", "compiled"),
        ("b", "v6e:2x4", "aborted"),
    ]
    assert "aborts (lowering): failed: aborted (SIGSEGV)." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("compiler", "topologies"),
    [
        (Compiler([planned("a", path="a")], sends="all-gather f32"), ["v4:2x2x1"]),
        (Compiler([planned("a", path="a")]), ["v99"]),
        (Compiler([planned("a", problem="TypeError")]), ["v4:2x2x1"]),
        (Compiler([]), ["v4:2x2x1"]),
        (Compiler([planned("a", path="a")], differences=["Where"]), ["v4:2x2x1"]),
    ],
)
def test_the_exit_code_is_1_for_an_unexpected_result(tmp_path, compiler, topologies):
    assert check(compiler, tmp_path, topologies)[0] == 1


def test_a_process_that_lowers_nothing_raises_with_its_message(tmp_path):
    def fail(arguments, timeout):
        return ProcessResult("ended with exit code 1", "ImportError")

    with pytest.raises(running.LoweringError, match=r"ended with exit code 1\. ImportError"):
        running.lowered(fail, tmp_path, "")


def test_missing_packages_are_reported_as_skipped():
    """The environment of the tests has no libtpu."""
    ended = subprocess.run(
        [sys.executable, "-m", "tpu_aot"],
        env=os.environ | {"PYTHONPATH": TESTS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == command.SKIPPED == 77
    assert ended.stdout.startswith("SKIPPED: tensorflow-tpu is not installed")


@pytest.mark.parametrize(
    ("script", "reason"), [(None, "no command `unshare`"), ("exit 1", "`unshare -n` fails")]
)
def test_a_network_that_cannot_be_disabled_is_reported_as_skipped(
    tmp_path, monkeypatch, capsys, script, reason
):
    if script:
        unshare = tmp_path / "unshare"
        unshare.write_text(f"#!/bin/sh\n{script}\n")
        unshare.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "versions", lambda: {"libtpu": "0"})
    assert command._main("", ["v4:2x2x1"], None) == 77
    output = capsys.readouterr().out
    assert output.startswith("SKIPPED: ")
    assert reason in output


def test_processes_that_load_libtpu_do_not_query_servers(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_unknown")
    variables = environment.variables()
    assert variables["TPU_SKIP_MDS_QUERY"] == "1"
    assert "XLA_FLAGS" not in variables


@pytest.mark.parametrize(
    ("variables", "routes", "reason"),
    [
        ({}, "Iface\n", "TPU_SKIP_MDS_QUERY, .* not set"),
        (environment.variables({}), "Iface\neth0\n", "there is a network"),
    ],
)
def test_libtpu_is_not_loaded_with_a_network(tmp_path, variables, routes, reason):
    table = tmp_path / "route"
    table.write_text(routes)
    with pytest.raises(environment.CompilerUnavailableError, match=reason):
        environment.check_isolated(variables, table)
    table.write_text("Iface\n")
    environment.check_isolated(environment.variables({}), table)


def test_lists_of_ops_are_compared_by_name_and_dtypes():
    one = {"Abs": [{"T": ["float32"]}], "Add": [{"T": ["int32"]}], "Neg": []}
    other = {"Abs": [{"T": ["float32"]}], "Add": [{"T": ["int64"]}], "Not": []}
    assert ops.differences(one, one) == []
    assert ops.differences(one, other) == ["Add", "Neg", "Not"]
    assert json.loads(ops.to_text(one)) == one


def test_the_list_of_the_package_has_the_format_of_the_command():
    path = pathlib.Path(op_lint.__file__).with_name("tpu_ops.json")
    assert ops.to_text(op_lint.tpu_ops()) == path.read_text()


@pytest.mark.parametrize("module", ["lowering", "compiling", "ops"])
def test_a_process_that_is_started_by_hand_fails(module):
    code = f"from tpu_aot import {module}; {module}.main(*'abc'[: {2 + (module == 'compiling')}])"
    variables = {k: v for k, v in os.environ.items() if not k.startswith("TPU_")}
    ended = run_python(code, environ=variables | {"PYTHONPATH": TESTS})
    assert "not set" in ended.message
