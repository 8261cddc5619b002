"""The programs to compile, and the expected result of each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tpu_aot.rows import Expected, Kind

COMPILES = Expected()


@dataclasses.dataclass(frozen=True)
class Program:
    """A program.

    Args:
        name: Unique name for the table.
        kind: Purpose of the program.
        lower: Function that returns TensorFlow's HLO module for a TPU, or StableHLO text.
        expected: Expected result; by default it compiles and sends nothing.
        note: Remark for the table.
    """

    name: str
    kind: Kind
    lower: Callable[[], bytes | str]
    expected: Expected = COMPILES
    note: str = ""


def all_programs() -> list[Program]:
    """Return all programs in the order of the table."""
    from tpu_aot import controls, kernel_variants, steps

    found = [*steps.programs(), *kernel_variants.programs(), *controls.programs()]
    names = [program.name for program in found]
    assert len(set(names)) == len(names), sorted(names)
    return found


def chosen(programs: Sequence[Program], pattern: str) -> list[Program]:
    """Return the programs whose names match a regular expression."""
    return [program for program in programs if re.search(pattern, program.name)]


def lowered(function: Callable[..., Any], *specs: tf.TensorSpec) -> bytes:
    """Lower a function of tensors for a TPU with TensorFlow."""
    compiled = tf.function(function, jit_compile=True, autograph=False)
    lower = compiled.experimental_get_compiler_ir(*specs)
    return lower(stage="hlo_serialized", platform_name="TPU")
