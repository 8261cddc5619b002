"""One screen for many workers: whole lines with the name of the one that wrote them."""

import io
import os

import pytest

from dist_f1.jobs.launching.console import Console, Copier


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
