"""What is compiled: programs with a name, and what must become of each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tpu_aot.rows import Expected, Kind

# Compiles, and sends nothing.
AS_IT_IS = Expected()


@dataclasses.dataclass(frozen=True)
class Program:
    """One program.

    Args:
        name: for the table; unique.
        kind: what it is there for.
        lower: gives what TensorFlow makes of it for a TPU, an HLO module; or StableHLO, which the
            compiler takes as it is.
        expected: what must become of it.
        note: what there is to know about it.
    """

    name: str
    kind: Kind
    lower: Callable[[], bytes | str]
    expected: Expected = AS_IT_IS
    note: str = ""


def all_programs() -> list[Program]:
    """All of them, in the order of the table."""
    from tpu_aot import controls, kernel_variants, steps

    found = [*steps.programs(), *kernel_variants.programs(), *controls.programs()]
    names = [program.name for program in found]
    assert len(set(names)) == len(names), sorted(names)
    return found


def chosen(programs: Sequence[Program], pattern: str) -> list[Program]:
    """Those whose names contain what the regular expression describes."""
    return [program for program in programs if re.search(pattern, program.name)]


def lowered(function: Callable[..., Any], *specs: tf.TensorSpec) -> bytes:
    """What TensorFlow makes of a function of tensors for a TPU."""
    compiled = tf.function(function, jit_compile=True, autograph=False)
    lower = compiled.experimental_get_compiler_ir(*specs)
    return lower(stage="hlo_serialized", platform_name="TPU")
