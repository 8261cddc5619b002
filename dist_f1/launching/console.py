"""One screen for many workers: whole lines, each prefixed with the name of its worker."""

import codecs
import contextlib
import re
import threading
from typing import BinaryIO, TextIO

# Variable of workers whose launcher writes to a terminal: the columns that are left for a line.
COLUMNS = "DIST_F1_COLUMNS"

_LINE_ENDS = re.compile(r"(?:\r\n|\n|\r)")


class Console:
    """Writes the lines of several threads to standard output and error, one at a time.

    A line that ends with a carriage return belongs to a progress bar. On a terminal the next line
    overwrites it. Elsewhere only the last state of the bar, which ends with a newline, is shown.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._streams = {"out": out, "err": err}
        self._lock = threading.Lock()
        self._unfinished = False

    def show(self, stream: str, prefix: str, line: str, finished: bool = True) -> None:
        """Write a line, or an unfinished state of a progress bar."""
        target = self._streams[stream]
        terminal = target.isatty()
        if not finished and not terminal:
            return
        with self._lock:
            clear = "\r\x1b[K" if terminal and self._unfinished else ""
            text = f"{clear}{prefix}{line}"
            encoding = getattr(target, "encoding", None) or "utf-8"
            text = text.encode(encoding, errors="replace").decode(encoding)
            # A closed output stops neither the workers nor their logs.
            with contextlib.suppress(OSError, ValueError):
                print(text, end="\n" if finished else "", file=target, flush=True)
            self._unfinished = not finished

    def log(self, text: str) -> None:
        """Write a message of the launcher itself."""
        self.show("err", "", text)


class Copier(threading.Thread):
    """Copies the output of a worker to the console and to its log until the pipe is closed."""

    def __init__(
        self, pipe: BinaryIO, stream: str, prefix: str, console: Console, log: BinaryIO
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._stream, self._prefix = pipe, stream, prefix
        self._console, self._log, self._log_failed = console, log, False

    def run(self) -> None:
        """Copy line by line; each state of a progress bar is a line."""
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        while chunk := self._pipe.read1(65536):  # type: ignore[attr-defined]
            rest = self._copy_lines(rest + decode(chunk))
        if rest:
            self._copy_lines(rest + "\n")
        self._pipe.close()

    def _copy_lines(self, text: str) -> str:
        """Copy whole lines and return the rest."""
        start = 0
        for end in _LINE_ENDS.finditer(text):
            # The newline of a "\r\n" may be in the next chunk.
            if end.group() == "\r" and end.end() == len(text):
                break
            line, start = text[start : end.start()], end.end()
            self._write_log(line + end.group())
            if line or end.group() != "\r":
                finished = end.group() != "\r"
                self._console.show(self._stream, self._prefix, line, finished)
        return text[start:]

    def _write_log(self, text: str) -> None:
        """Write to the log. A failing log must not block the worker."""
        try:
            self._log.write(text.encode())
            self._log.flush()
        except (OSError, ValueError) as error:
            if not self._log_failed:
                self._log_failed = True
                self._console.log(
                    f"dist-f1: cannot write the log of {self._prefix.strip()}: {error}"
                )
