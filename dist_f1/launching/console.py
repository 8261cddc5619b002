"""One screen for many workers: whole lines, each with the name of the one that wrote it."""

from __future__ import annotations

import codecs
import contextlib
import re
import threading
from typing import BinaryIO, TextIO

_ENDS = re.compile(r"(?:\r\n|\n|\r)")


class Console:
    """Writes lines of several threads to standard output and error, one at a time.

    A part that ends with a carriage return is a progress bar's. On a terminal it is overwritten by
    the next one; elsewhere only its last state is shown, which ends with a new line.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._streams = {"out": out, "err": err}
        self._lock = threading.Lock()
        self._unfinished = False

    def show(self, stream: str, prefix: str, line: str, finished: bool = True) -> None:
        """Shows a line, or a progress bar that is not at its end."""
        target = self._streams[stream]
        terminal = target.isatty()
        if not finished and not terminal:
            return
        with self._lock:
            clear = "\r\x1b[K" if terminal and self._unfinished else ""
            text = f"{clear}{prefix}{line}"
            encoding = getattr(target, "encoding", None) or "utf-8"
            text = text.encode(encoding, errors="replace").decode(encoding)
            # Where nobody reads any more, the workers go on, and their logs.
            with contextlib.suppress(OSError, ValueError):
                print(text, end="\n" if finished else "", file=target, flush=True)
            self._unfinished = not finished

    def say(self, text: str) -> None:
        """Shows a word of the launcher itself."""
        self.show("err", "", text)


class Copier(threading.Thread):
    """Copies what a worker writes to the console and to its log, until the pipe is closed."""

    def __init__(
        self, pipe: BinaryIO, stream: str, prefix: str, console: Console, log: BinaryIO
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._stream, self._prefix = pipe, stream, prefix
        self._console, self._log, self._lost = console, log, False

    def run(self) -> None:
        """Copies line by line; a progress bar's states are lines of their own."""
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        while chunk := self._pipe.read1(65536):  # type: ignore[attr-defined]
            rest = self._copy(rest + decode(chunk))
        if rest:
            self._copy(rest + "\n")
        self._pipe.close()

    def _copy(self, text: str) -> str:
        """Copies whole lines and returns what is left."""
        start = 0
        for end in _ENDS.finditer(text):
            # The new line that belongs to a carriage return may still be under way.
            if end.group() == "\r" and end.end() == len(text):
                break
            line, start = text[start : end.start()], end.end()
            self._write(line + end.group())
            if line or end.group() != "\r":
                finished = end.group() != "\r"
                self._console.show(self._stream, self._prefix, line, finished)
        return text[start:]

    def _write(self, text: str) -> None:
        """Writes to the log; a worker must not wait because that has become impossible."""
        try:
            self._log.write(text.encode())
            self._log.flush()
        except (OSError, ValueError) as error:
            if not self._lost:
                self._lost = True
                self._console.say(f"dist-f1: the log of {self._prefix.strip()} is lost: {error}")
