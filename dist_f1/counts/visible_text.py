r"""Text in which every character is visible, for terminals and for files that people read.

Control characters in a name could move the cursor of a terminal, break a row of a table or
reverse the order of a line. Lone surrogates cannot be written as UTF-8. Both become escapes such
as `\x1b`, as in Python's strings.
"""

from __future__ import annotations

import re

_ESCAPED = (
    # Control characters but tab and line feed, the soft hyphen, and surrogates.
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ud800-\udfff"
    # The direction of text, zero-width characters, and separators of lines and paragraphs.
    r"\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    # Letters that have no glyph, characters that are none, and tags.
    r"\u3164\uffa0\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f"
)
# Joiners keep emoji and words of many scripts whole. They remain between visible characters other
# than Latin, Greek and Cyrillic letters, and so do the tags in the flag of a region.
_OTHER_SCRIPT = rf"[^{_ESCAPED}\x00-\u024f\u0370-\u052f\u1e00-\u206f]"
_JOINED = rf"(?<={_OTHER_SCRIPT})[\u200c\u200d](?={_OTHER_SCRIPT})"
_FLAG = r"\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
_IN_TEXT = re.compile(rf"{_JOINED}|{_FLAG}|([{_ESCAPED}])")
_IN_NAME = re.compile(rf"{_JOINED}|{_FLAG}|([{_ESCAPED}\t\n])")
_LOOKS_ESCAPED = re.compile(r"\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def visible_name(name: object) -> str:
    r"""Return a name on one line, with escapes for characters that are not visible.

    Different names remain different: in a name with an escape, or with text that looks like one,
    each backslash is doubled. Apply this function once.

    Example:
        >>> print(visible_name("cat"), visible_name("a\x1b[2J\n"), visible_name(r"a\n"))
        cat a\x1b[2J\n a\\n
    """
    text = str(name)
    shown = _IN_NAME.sub(_escape, text)
    if shown == text and not _LOOKS_ESCAPED.search(text):
        return text
    return _IN_NAME.sub(_escape, text.replace("\\", r"\\"))


def visible_text(text: object) -> str:
    r"""Return text with its tabs and lines, and with escapes for other invisible characters.

    Names in the text that `visible_name` has returned do not change.

    Example:
        >>> print(visible_text("one\r\ntwo\x1b[2J"))
        one
        two\x1b[2J
    """
    return _IN_TEXT.sub(_escape, str(text).replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    character = match[1]
    if character is None:
        return match[0]
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
