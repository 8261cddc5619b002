"""Runs a command in the namespaces of a host: `host_enter.py READY NAMESPACES COMMAND...`.

READY is a pipe. It receives the process id of the command, or an error if the command cannot be
run, and is closed when the command runs. NAMESPACES are the files that `host_init.py` has opened.
"""

import ctypes
import os
import resource
import signal
import sys

KINDS = ("user", "pid", "net", "mnt", "uts")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def main(ready, namespaces, *command):
    ready = int(ready)
    namespaces = dict(zip(KINDS, map(int, namespaces.split(",")), strict=True))
    directory = os.getcwd()
    # A process enters a PID namespace by its fork.
    for kind in ("user", "pid"):
        enter(kind, namespaces[kind])
    child = os.fork()
    if child == 0:
        try:
            for kind in ("net", "mnt", "uts"):
                enter(kind, namespaces[kind])
            os.chdir(directory)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            # Python ignores the first two, and a shell in the background ignores Ctrl-C. A command
            # would inherit that.
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.set_inheritable(ready, False)
            for descriptor in namespaces.values():
                os.close(descriptor)
            os.execvp(command[0], command)
        except BaseException as error:
            os.write(ready, f"{error}\n".encode())
        finally:
            os._exit(127)
    # The command gets these signals directly, or from its process group.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.write(ready, f"{child}\n".encode())
    os.close(ready)
    end_as(os.waitpid(child, 0)[1])


def enter(kind, descriptor):
    if os.path.samestat(os.fstat(descriptor), os.stat(f"/proc/self/ns/{kind}")):
        return
    if LIBC.setns(descriptor, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: cannot enter the {kind} namespace")


def end_as(status):
    """End as the command has ended."""
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -exit_code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    os._exit(exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
