"""Statistics of compiled code, and the rows and tables that show them."""

import json

import pytest

from tpu_aot import compiling, hlo, rows, tables
from tpu_aot.rows import Expected, Row

MODULE = """
HloModule step, is_scheduled=true, entry_computation_layout={(f32[64]{0:T(128)})->u32[10]{0:T(128)}}

%add (x: u32[], y: u32[]) -> u32[] {
  ROOT %z = u32[]{:T(128)} add(%x, %y)
}

%fused (p: f32[64,10]) -> (bf16[64], s32[64]) {
  ROOT %r = (bf16[64]{0:T(256)(128)(2,1)}, s32[64]{0:T(128)S(3)}) reduce(%p), dimensions={1}
}

%body (t: (s32[], f32[8])) -> (s32[], f32[8]) {
  %f = f32[8]{0} fusion(%t), kind=kLoop, calls=%fused, backend_config={"estimated_cycles":"7"}
  ROOT %s = f32[8]{0} fusion(%t), kind=kCustom, calls=%fused
}

%cond (t: (s32[], f32[8])) -> pred[] {
  ROOT %c = pred[]{:T(512)} compare(%t, %t), direction=LT
}

ENTRY %main.36 (Arg: f32[64,10]) -> u32[10] {
  %half = u32[10]{0} custom-call(%Arg), custom_call_target="X64SplitLow"
  %one = (s32[8]{0}, f32[8]{0}) fusion(%Arg), calls=%fused, backend_config={"estimated_cycles":"99"}
  %scatter = s32[10]{0} fusion(%one), kind=kCustom, calls=%fused
  %loop = (s32[], f32[8]) while(%one), body=%body, backend_config={"known_trip_count":{"n":"3"}}
  %open = (s32[], f32[8]) while(%one), condition=%cond, body=%body
  %start = (f32[8]{0}, f32[64]{0:T(128)S(3)}, u32[]) all-gather-start(%one), dimensions={0}
  %done = f32[64]{0} all-gather-done(%start)
  %words = (u32[16]{0:T(256)}, u32[16]{0:T(256)}, pred[4]{0}) all-reduce(%a, %b, %c), to_apply=%add
  ROOT %sum = u32[10]{0:T(128)} all-reduce(%half), to_apply=%add, metadata={op_name="all-reduce(x)"}
}
"""


def test_collectives_are_read_from_compiled_code():
    assert [(x.kind, x.size) for x in hlo.collectives(MODULE)] == [
        ("all-gather f32", 256),
        ("all-reduce u32,u32,pred", 132),
        ("all-reduce u32", 40),
    ]


def test_cycles_are_summed_over_the_iterations_of_loops():
    # 99, three iterations of 7, and 7 once; two scatters and the loop of unknown trip count.
    assert hlo.cycles(MODULE) == hlo.Cycles(127, 4)
    assert hlo.cycles("") == hlo.Cycles(0, 0)


def test_statistics_are_json():
    statistics = compiling.statistics(MODULE)
    assert json.loads(json.dumps(statistics)) == statistics
    assert statistics["sends"][-1] == {"kind": "all-reduce u32", "bytes": 40}


def row(**fields):
    defaults = {
        "program": "step",
        "kind": "step",
        "topology": "v4:2x2x1",
        "status": "compiled",
        "expected": Expected(("all-reduce u32",)),
        "found": {"sends": [{"kind": "all-reduce u32", "bytes": 40}], "cycles": 1234},
    }
    return Row(**{**defaults, **fields})


SENDS_TWO = {"sends": [{"kind": "all-reduce u32", "bytes": 4}] * 2}
MUST_FAIL = Expected(error="TypeError.*int64")
REQUESTS_ONE = Expected(("all-reduce u32",), requested=1)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, None),
        ({"found": SENDS_TWO}, "sends all-reduce u32, all-reduce u32, expected all-reduce u32"),
        ({"found": {}}, "sends nothing, expected all-reduce u32"),
        (
            {"expected": REQUESTS_ONE, "found": row().found | {"requested": 2}},
            "requests 2 collectives before compilation, expected 1",
        ),
        ({"expected": REQUESTS_ONE, "found": row().found | {"requested": 1}}, None),
        ({"status": "failed", "message": "vmem"}, "failed: vmem"),
        ({"status": "aborted", "message": "timed out"}, "aborted: timed out"),
        ({"expected": MUST_FAIL}, "compiled, but must not"),
        ({"expected": MUST_FAIL, "status": "failed", "message": "TypeError: int64"}, None),
        (
            {"expected": MUST_FAIL, "status": "aborted", "message": "SIGABRT"},
            "failed for another reason than 'TypeError.*int64': SIGABRT",
        ),
    ],
)
def test_a_row_has_a_problem_unless_the_result_is_expected(fields, problem):
    result = row(**fields)
    assert result.problem == problem
    assert rows.from_json(rows.to_json(result)) == result
    assert json.loads(rows.to_json(result))["problem"] == problem
    assert len(rows.problems([result])) == (problem is not None)


def test_the_tables_show_what_compiled_where():
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
            expected=MUST_FAIL,
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
        "1 of 2 programs x 2 topologies compiled as expected, 1 of 1 negative controls failed"
    )
    assert "- WRONG: other (v4:2x2x1): failed: out | of vmem" in summary
