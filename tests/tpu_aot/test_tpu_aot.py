"""The check that compiles for TPUs, without its compiler: what it reads, says and ends with."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from dist_f1.testing import op_lint
from tpu_aot import __main__ as command
from tpu_aot import (
    compiling,
    environment,
    hlo,
    lowering,
    ops,
    processes,
    rows,
    running,
    tables,
)
from tpu_aot.lowering import Planned
from tpu_aot.processes import Ended
from tpu_aot.rows import Expected, Row

MODULE = """
HloModule step, is_scheduled=true, entry_computation_layout={(f32[64]{0:T(128)})->u32[10]{0:T(128)}}

%add (x: u32[], y: u32[]) -> u32[] {
  ROOT %z = u32[]{:T(128)} add(%x, %y)
}

%fused (p: f32[64,10]) -> (bf16[64], s32[64]) {
  ROOT %r = (bf16[64]{0:T(256)(128)(2,1)}, s32[64]{0:T(128)S(3)}) reduce(%p), dimensions={1}
}

%turn (t: (s32[], f32[8])) -> (s32[], f32[8]) {
  %f = f32[8]{0} fusion(%t), kind=kLoop, calls=%fused, backend_config={"estimated_cycles":"7"}
  ROOT %s = f32[8]{0} fusion(%t), kind=kCustom, calls=%fused
}

%goes_on (t: (s32[], f32[8])) -> pred[] {
  ROOT %c = pred[]{:T(512)} compare(%t, %t), direction=LT
}

ENTRY %main.36 (Arg: f32[64,10]) -> u32[10] {
  %half = u32[10]{0} custom-call(%Arg), custom_call_target="X64SplitLow"
  %one = (s32[8]{0}, f32[8]{0}) fusion(%Arg), calls=%fused, backend_config={"estimated_cycles":"99"}
  %scatter = s32[10]{0} fusion(%one), kind=kCustom, calls=%fused
  %loop = (s32[], f32[8]) while(%one), body=%turn, backend_config={"known_trip_count":{"n":"3"}}
  %open = (s32[], f32[8]) while(%one), condition=%goes_on, body=%turn
  %start = (f32[8]{0}, f32[64]{0:T(128)S(3)}, u32[]) all-gather-start(%one), dimensions={0}
  %done = f32[64]{0} all-gather-done(%start)
  %words = (u32[16]{0:T(256)}, u32[16]{0:T(256)}, pred[4]{0}) all-reduce(%a, %b, %c), to_apply=%add
  ROOT %sum = u32[10]{0:T(128)} all-reduce(%half), to_apply=%add, metadata={op_name="all-reduce(x)"}
}
"""


def test_what_is_exchanged_is_read_from_compiled_code():
    found = hlo.collectives(MODULE)
    assert [(x.kind, x.size) for x in found] == [
        ("all-gather f32", 256),
        ("all-reduce u32,u32,pred", 132),
        ("all-reduce u32", 40),
    ]


def test_cycles_are_added_up_with_the_turns_of_loops():
    # 99, three turns of 7, and 7 once; the scatters of both and the loop without an end.
    assert hlo.cycles(MODULE) == hlo.Cycles(127, 4)
    assert hlo.cycles("") == hlo.Cycles(0, 0)


def test_found_is_json():
    found = compiling.found_in(MODULE)
    assert json.loads(json.dumps(found)) == found
    assert found["sends"][-1] == {"kind": "all-reduce u32", "bytes": 40}


def run_python(code, timeout=30.0):
    return processes.run([sys.executable, "-c", code], os.environ, timeout)


def test_a_process_ends_well_or_it_is_said_how():
    assert run_python("print(1)") == Ended(None, "")
    assert run_python("import sys; sys.exit('no such topology')") == Ended(
        "ended with exit code 1", "no such topology"
    )


def test_a_process_that_aborts_is_a_finding():
    code = (
        "import os, sys; sys.stderr.write('F0 Check failed: x\\n*** stack ***\\n    @  0x7f\\n');"
        "sys.stderr.flush(); os.abort()"
    )
    ended = run_python(code)
    assert ended.problem == "aborted (SIGABRT)"
    assert ended.message == "F0 Check failed: x"


def test_a_process_that_never_ends_is_ended_with_what_it_has_started():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    assert run_python(code, 0.5).problem == "timed out after 0.5 s"


def row(**fields):
    given = {
        "program": "step",
        "kind": "step",
        "topology": "v4:2x2x1",
        "status": "compiled",
        "expected": Expected(("all-reduce u32",)),
        "found": {"sends": [{"kind": "all-reduce u32", "bytes": 40}], "cycles": 1234},
    }
    return Row(**{**given, **fields})


def row_found(**fields):
    return {**row().found, **fields}


SENDS_TWO = {"sends": [{"kind": "all-reduce u32", "bytes": 4}] * 2}
MUST_NOT = Expected(fails="TypeError.*int64")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, None),
        ({"found": SENDS_TWO}, "sends all-reduce u32, all-reduce u32 instead of all-reduce u32"),
        ({"found": {}}, "sends nothing instead of all-reduce u32"),
        (
            {"expected": Expected(("all-reduce u32",), asks=1), "found": row_found(asks=2)},
            "asks for 2 exchanges instead of 1, before compilation",
        ),
        ({"expected": Expected(("all-reduce u32",), asks=1), "found": row_found(asks=1)}, None),
        ({"status": "failed", "message": "vmem"}, "failed: vmem"),
        ({"status": "ended", "message": "timed out"}, "ended: timed out"),
        ({"expected": MUST_NOT}, "compiled, and must not"),
        ({"expected": MUST_NOT, "status": "failed", "message": "TypeError: int64"}, None),
        (
            {"expected": MUST_NOT, "status": "ended", "message": "aborted"},
            "failed for another reason than 'TypeError.*int64': aborted",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_a_problem(fields, problem):
    made = row(**fields)
    assert made.problem == problem
    assert rows.from_json(rows.to_json(made)) == made
    assert json.loads(rows.to_json(made))["problem"] == problem
    assert len(rows.problems([made])) == (problem is not None)


def test_the_tables_tell_what_compiled_where():
    estimates = {"bytes_accessed": 4096.0, "flops": -1.0, "optimal_seconds": -0.99}
    found = [
        row(found=row().found | estimates | {"cycles_unknown": 2}),
        row(topology="v6e:2x4", found=row().found | {"optimal_seconds": 2.5e-6}),
        row(program="other", status="failed", message="out | of\nvmem"),
        row(program="other", topology="v6e:2x4"),
        row(
            program="int64",
            topology="",
            status="failed",
            message="TypeError: int64",
            expected=MUST_NOT,
            kind="control",
        ),
    ]
    text = tables.markdown(found)
    assert "| step | all 2 | 1 all-reduce u32, 40 bytes |  |" in text
    assert "| other | v6e:2x4 | 1 all-reduce u32, 40 bytes | WRONG |" in text
    assert "| int64 | none (lowering) |  | must not compile |" in text
    assert "| step | 1,234 + 2 | 1,234 |" in text
    assert "| step | 4,096 | - |" in text
    assert "| step | - | 2.5 |" in text
    assert "- other (v4:2x2x1): out | of vmem" in text
    summary = tables.summary(found)
    assert summary.startswith(
        "1 of 2 programs x 2 topologies compiled as they must, 1 of 1 negative controls failed"
    )
    assert "- WRONG: other (v4:2x2x1): failed: out | of vmem" in summary


def planned(name, **fields):
    return Planned(name, "step", Expected(("all-reduce u32",)), **fields)


class Compiler:
    """Does what the two processes do, without libtpu: writes what they would have found."""

    def __init__(self, programs, sends="all-reduce u32", aborts=(), differences=()):
        self.programs, self.sends, self.aborts = programs, sends, aborts
        self.differences = list(differences)
        self.calls = []

    def __call__(self, arguments, timeout):
        module, first, *rest = arguments
        self.calls.append(module)
        if module == "tpu_aot.compiling":
            topology, found = rest
            if topology in self.aborts:
                return Ended("aborted (SIGABRT)", "Check failed")
            known = {"sends": [{"kind": self.sends, "bytes": 8}], "cycles": 1}
            result = {"error": "no such topology"} if topology == "v99" else known
            pathlib.Path(found).write_text(json.dumps(result))
            return Ended(None, "")
        if module == "tpu_aot.ops":
            result = {"registered": 2, "differences": self.differences}
            pathlib.Path(first).write_text(json.dumps(result))
            return Ended(None, "")
        folder = pathlib.Path(first)
        if not (folder / lowering.PLAN).exists():
            lowering.append(folder / lowering.PLAN, self.programs)
        done = len(lowering.read(folder / lowering.LOWERED))
        for program in self.programs[done:]:
            if program.name == "aborts":
                return Ended("aborted (SIGSEGV)", "")
            lowering.append(folder / lowering.LOWERED, [program])
        return Ended(None, "")


def check(compiler, folder, topologies=("v4:2x2x1", "v6e:2x4")):
    found = []
    code = command.check(compiler, folder, "", topologies, found.append)
    return code, [(x.program, x.topology, x.status) for x in found]


def test_all_that_compiles_as_it_must_is_0(tmp_path, capsys):
    code, found = check(Compiler([planned("a", path="a"), planned("b", path="b")]), tmp_path)
    assert code == 0
    assert len(found) == 4
    printed = capsys.readouterr().out
    assert "2 of 2 programs x 2 topologies compiled as they must" in printed
    assert "The list of ops is the registry's: 2 ops." in printed


def test_a_program_that_ends_its_process_is_one_row(tmp_path, capsys):
    programs = [planned("a", path="a"), planned("aborts"), planned("b", path="b")]
    code, found = check(Compiler(programs, aborts=("v6e:2x4",)), tmp_path)
    assert code == 1
    assert found == [
        ("a", "v4:2x2x1", "compiled"),
        ("a", "v6e:2x4", "ended"),
        ("aborts", "", "failed"),
        ("b", "v4:2x2x1", "compiled"),
        ("b", "v6e:2x4", "ended"),
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
def test_what_is_not_as_it_must_be_is_1(tmp_path, compiler, topologies):
    assert check(compiler, tmp_path, topologies)[0] == 1


def test_a_process_that_lowers_nothing_is_said(tmp_path):
    with pytest.raises(running.NothingLowered, match=r"ended with exit code 1\. ImportError"):
        running.lowered(
            lambda arguments, timeout: Ended("ended with exit code 1", "ImportError"), tmp_path, ""
        )


def test_without_its_packages_it_is_skipped_and_not_passed():
    """This environment has no libtpu."""
    root = pathlib.Path(__file__).parents[1]
    ended = subprocess.run(
        [sys.executable, "-m", "tpu_aot"],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == command.SKIPPED == 77
    assert ended.stdout.startswith("SKIPPED: tensorflow-tpu is not installed")


@pytest.mark.parametrize(
    ("script", "reason"), [(None, "no command `unshare`"), ("exit 1", "`unshare -n` is refused")]
)
def test_without_a_way_to_take_the_network_away_it_is_skipped(
    tmp_path, monkeypatch, capsys, script, reason
):
    if script:
        made = tmp_path / "unshare"
        made.write_text(f"#!/bin/sh\n{script}\n")
        made.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "versions", lambda: {"libtpu": "0"})
    assert command._main("", ["v4:2x2x1"], None) == 77
    said = capsys.readouterr().out
    assert said.startswith("SKIPPED: ")
    assert reason in said


def test_the_processes_that_load_libtpu_ask_no_one(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_unknown")
    given = environment.variables()
    assert given["TPU_SKIP_MDS_QUERY"] == "1"
    assert "XLA_FLAGS" not in given


@pytest.mark.parametrize(
    ("given", "routes", "reason"),
    [
        ({}, "Iface\n", "TPU_SKIP_MDS_QUERY, .* not set"),
        (environment.variables({}), "Iface\neth0\n", "there is a network"),
    ],
)
def test_libtpu_is_not_loaded_where_it_could_reach_anyone(tmp_path, given, routes, reason):
    table = tmp_path / "route"
    table.write_text(routes)
    with pytest.raises(environment.Unavailable, match=reason):
        environment.check_isolated(given, table)
    table.write_text("Iface\n")
    environment.check_isolated(environment.variables({}), table)


def test_lists_of_ops_are_compared_by_name_and_dtypes():
    one = {"Abs": [{"T": ["float32"]}], "Add": [{"T": ["int32"]}], "Neg": []}
    other = {"Abs": [{"T": ["float32"]}], "Add": [{"T": ["int64"]}], "Not": []}
    assert ops.differences(one, one) == []
    assert ops.differences(one, other) == ["Add", "Neg", "Not"]
    assert json.loads(ops.text_of(one)) == one


def test_the_list_of_the_package_is_written_as_the_registry_is():
    path = pathlib.Path(op_lint.__file__).with_name("tpu_ops.json")
    assert ops.text_of(op_lint.tpu_ops()) == path.read_text()


@pytest.mark.parametrize("module", ["lowering", "compiling", "ops"])
def test_its_processes_refuse_to_be_started_by_hand(module):
    code = f"from tpu_aot import {module}; {module}.main(*'abc'[: {2 + (module == 'compiling')}])"
    given = {k: v for k, v in os.environ.items() if not k.startswith("TPU_")}
    given["PYTHONPATH"] = str(pathlib.Path(__file__).parents[1])
    ended = processes.run([sys.executable, "-c", code], given, 30.0)
    assert "not set" in ended.message
