"""One screen for many workers: whole lines with the name of their worker."""

import io
import os

import pytest

from dist_f1.launching.console import Console, Copier


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


def copy(chunks, terminal=False):
    out, log = Screen(terminal), io.BytesIO()
    read, write = os.pipe()
    copier = Copier(os.fdopen(read, "rb"), "out", "[w] ", Console(out, out), log)
    copier.start()
    for chunk in chunks:
        os.write(write, chunk)
    os.close(write)
    copier.join(timeout=10)
    assert not copier.is_alive()
    return out.getvalue(), log.getvalue()


@pytest.mark.parametrize(
    "chunks",
    [
        [b"one\ntwo\n"],
        [b"o", b"ne\nt", b"wo"],
        [b"one\r\ntwo\r\n"],
        [b"one\r", b"\ntwo\n"],
    ],
)
def test_lines_are_whole_and_prefixed_however_they_arrive(chunks):
    shown, _ = copy(chunks)
    assert shown == "[w] one\n[w] two\n"


def test_the_log_has_the_same_bytes():
    text = "ä\nbar 1\rbar 2\rbar 3\nend\n".encode()
    # A chunk may end inside a character.
    assert copy([text[:1], text[1:]])[1] == text


def test_only_a_terminal_shows_every_state_of_a_progress_bar():
    chunks = [b"\rbar 1\rbar 2", b"\rbar 3\nend\n"]
    assert copy(chunks)[0] == "[w] bar 3\n[w] end\n"
    on_terminal = copy(chunks, terminal=True)[0]
    for state in ("bar 1", "bar 2", "bar 3\n"):
        assert f"[w] {state}" in on_terminal
    assert "[w] bar 2\r\x1b[K[w] bar 3\n" in on_terminal


def test_invalid_text_does_not_stop_the_copying():
    assert copy([b"\xff\xfe\nend\n"])[0].endswith("[w] end\n")


class Broken(Screen):
    """A screen that is closed or has another encoding."""

    encoding = "latin-1"

    def write(self, text):
        text.encode("latin-1")
        if "closed" in text:
            raise BrokenPipeError
        return super().write(text)


def test_a_failing_screen_stops_neither_the_copying_nor_the_log():
    out, log = Broken(False), io.BytesIO()
    read, write = os.pipe()
    copier = Copier(os.fdopen(read, "rb"), "out", "", Console(out, out), log)
    copier.start()
    text = "one → two\nclosed\nend\n".encode()
    os.write(write, text)
    os.close(write)
    copier.join(timeout=10)
    assert log.getvalue() == text
    assert out.getvalue().replace("\n", "") == "one ? twoend"


def test_a_failing_log_is_reported_once_and_the_copying_continues():
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    out = Screen(False)
    read, write = os.pipe()
    copier = Copier(os.fdopen(read, "rb"), "out", "[w] ", Console(out, out), Full())
    copier.start()
    os.write(write, b"one\ntwo\n")
    os.close(write)
    copier.join(timeout=10)
    assert out.getvalue().count("cannot write the log of [w]") == 1
    assert "[w] one\n" in out.getvalue()
    assert "[w] two\n" in out.getvalue()
