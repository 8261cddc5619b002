"""One screen for many workers: whole lines with the name of the one that wrote them."""

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
def test_lines_are_whole_and_carry_the_name_however_they_arrive(chunks):
    shown, _ = copy(chunks)
    assert shown == "[w] one\n[w] two\n"


def test_the_log_has_the_very_bytes():
    text = "ä\nbar 1\rbar 2\rbar 3\nend\n".encode()
    # A character may come in two parts.
    assert copy([text[:1], text[1:]])[1] == text


def test_a_progress_bar_is_shown_as_it_goes_on_a_terminal_and_at_its_end_elsewhere():
    chunks = [b"\rbar 1\rbar 2", b"\rbar 3\nend\n"]
    assert copy(chunks)[0] == "[w] bar 3\n[w] end\n"
    on_terminal = copy(chunks, terminal=True)[0]
    for state in ("bar 1", "bar 2", "bar 3\n"):
        assert f"[w] {state}" in on_terminal
    assert "[w] bar 2\r\x1b[K[w] bar 3\n" in on_terminal


def test_bytes_that_are_no_text_do_not_stop_the_copying():
    assert copy([b"\xff\xfe\nend\n"])[0].endswith("[w] end\n")


class Broken(Screen):
    """A screen that nobody reads any more, or of another encoding."""

    encoding = "latin-1"

    def write(self, text):
        text.encode("latin-1")
        if "lost" in text:
            raise BrokenPipeError
        return super().write(text)


def test_a_screen_that_fails_stops_neither_the_copying_nor_the_log():
    out, log = Broken(False), io.BytesIO()
    read, write = os.pipe()
    copier = Copier(os.fdopen(read, "rb"), "out", "", Console(out, out), log)
    copier.start()
    text = "one → two\nlost\nend\n".encode()
    os.write(write, text)
    os.close(write)
    copier.join(timeout=10)
    assert log.getvalue() == text
    assert out.getvalue().replace("\n", "") == "one ? twoend"


def test_a_log_that_fails_is_said_once_and_the_worker_goes_on():
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
    assert out.getvalue().count("the log of [w] is lost") == 1
    assert "[w] one\n" in out.getvalue()
    assert "[w] two\n" in out.getvalue()
