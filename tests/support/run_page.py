"""Runs the code of a page of the documentation on four logical devices.

python run_page.py PAGE.md

If a block of text follows a block of code, it must be the output of the code.
"""

import contextlib
import io
import pathlib
import re
import sys
import types

_BLOCKS = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def run(page):
    """Run the blocks of a page in order, in the current directory.

    Raises:
        AssertionError: The output of a block is not the text that follows.
    """
    text = page.read_text(encoding="utf-8")
    blocks = [(text.count("\n", 0, x.start(1)), x[1], x[2]) for x in _BLOCKS.finditer(text)]
    assert blocks
    # AutoGraph reads the source from a file. It has the line numbers of the page, for tracebacks.
    lines = []
    for start, code, _ in blocks:
        lines += [""] * (start - len(lines)) + code.splitlines()
    source = pathlib.Path(page.name).absolute()
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    module = types.ModuleType("page")
    sys.modules["page"] = module
    for start, code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * start + code, source, "exec"), module.__dict__)
        if expected is not None:
            assert _stripped(printed.getvalue()) == _stripped(expected), (
                f"{page}, line {start + 1}: the block prints\n{printed.getvalue()}"
            )


def _stripped(text):
    return [line.rstrip() for line in text.strip("\n").splitlines()]


if __name__ == "__main__":
    import autotuning
    import deleted_iterators

    from dist_f1.testing import split_cpu

    split_cpu(4)
    autotuning.switch_off()
    deleted_iterators.defer()
    run(pathlib.Path(sys.argv[1]))
