"""Runs the code of pages, each in a module and a directory of its own.

python doc_pages.py PAGE.md ...

Each page starts without the names of the pages before it. If a block of text follows a block of
code, it must be the output of the code.
"""

import contextlib
import io
import os
import pathlib
import re
import sys
import tempfile
import traceback
import types

_BLOCKS = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def run_page(page):
    """Run the blocks of a page in order.

    Raises:
        AssertionError: The output of a block is not the text that follows.
    """
    text = page.read_text(encoding="utf-8")
    module = types.ModuleType(f"page_{page.stem}")
    sys.modules[module.__name__] = module
    # AutoGraph reads the source from a file. It has the line numbers of the page, for tracebacks.
    source = pathlib.Path(page.name).absolute()
    lines = []
    for block in _BLOCKS.finditer(text):
        start = text.count("\n", 0, block.start(1))
        lines += [""] * (start - len(lines)) + block[1].splitlines()
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for block in _BLOCKS.finditer(text):
        start = text.count("\n", 0, block.start(1))
        printed = io.StringIO()
        code = compile("\n" * start + block[1], source, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, module.__dict__)
        if block[2] is not None:
            assert _stripped(printed.getvalue()) == _stripped(block[2]), (
                f"line {start + 1}: the block prints\n{printed.getvalue()}"
            )


def _stripped(text):
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def main(pages):
    """Run all pages, also after a failure; print the failures, and return their number."""
    import tensorflow as tf

    failures = 0
    for page in map(pathlib.Path, pages):
        print("page", page, flush=True)
        tf.keras.utils.set_random_seed(0)
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            try:
                run_page(page)
            except Exception:
                failures += 1
                print(f"{page} fails:\n{traceback.format_exc()}", file=sys.stderr)
            os.chdir(page.parent)
        tf.keras.backend.clear_session()
    return failures


if __name__ == "__main__":
    import autotuning
    import deleted_iterators

    from dist_f1.testing import split_cpu

    split_cpu(4)
    autotuning.switch_off()
    deleted_iterators.defer()
    sys.exit(bool(main(sys.argv[1:])))
