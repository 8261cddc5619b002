"""Processes that start with TensorFlow imported, because the import takes seconds.

They are forks of a server that has imported TensorFlow but has not started its threads. Each has
its own flags, devices, directory and environment, like a new process.
"""

import contextlib
import faulthandler
import functools
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORKS = multiprocessing.get_context("forkserver")
# Modules that define no flags.
PRELOADED = ("sklearn.metrics", "matplotlib.figure", "tqdm", "dist_f1.jobs.training")


@contextlib.contextmanager
def forked(*arguments, cwd=ROOT, env=None):
    """Yield a process that runs `python *arguments`, and a function that waits for it.

    The function returns the finished process with its output as text. The process ends with the
    block.
    """
    _start_server()
    arguments = tuple(map(str, arguments))
    with tempfile.TemporaryDirectory() as directory:
        outputs = [os.path.join(directory, name) for name in ("out", "err")]
        process = FORKS.Process(
            target=_run, args=(arguments, str(cwd), dict(env or os.environ), outputs), daemon=True
        )
        process.start()

        def wait(timeout):
            process.join(timeout)
            texts = [pathlib.Path(path).read_text() for path in outputs if os.path.exists(path)]
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(arguments, timeout, *(texts or ["", ""]))
            return subprocess.CompletedProcess(arguments, process.exitcode, *texts)

        try:
            yield process, wait
        finally:
            process.kill()
            process.join()


def run_forked(*arguments, timeout=600, **options):
    """Return the finished process, with its output as text."""
    with forked(*arguments, **options) as (_, wait):
        return wait(timeout)


@functools.cache
def _start_server():
    FORKS.set_forkserver_preload(list(PRELOADED))
    # Importing OpenBLAS would start threads, the only ones in the server.
    with mock.patch.dict(os.environ, OPENBLAS_NUM_THREADS="1"):
        forkserver.ensure_running()


def _run(arguments, cwd, env, outputs):
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate(outputs, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    # Shows where a process crashes. A fork cannot take it from PYTHONFAULTHANDLER.
    faulthandler.enable()
    # Remove the paths that pytest has added.
    installed = [path for path in map(pathlib.Path, sys.path) if not _is_in_project(path)]
    given = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    first, *rest = arguments
    if first in ("-m", "-c"):
        sys.path[:] = [cwd, *given, *map(str, installed)]
        sys.argv = rest
        if first == "-c":
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[:] = [os.path.dirname(first), *given, *map(str, installed)]
        sys.argv = list(arguments)
        runpy.run_path(first, run_name="__main__")


def _is_in_project(path):
    # The virtual environment may be inside the project.
    return path.is_relative_to(ROOT) and not path.is_relative_to(sys.prefix)
